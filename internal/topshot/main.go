//go:build linux

// Command topshot makes the pictures of `slips-ips top` in docs/: it runs the
// program in a terminal of tmux against the agent whose control socket is
// SLIPS_SOCKET, presses keys, and writes each screen as SVG. `make screenshots-top`
// runs it on the demonstration's traffic.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The size of the pictures, in characters.
const width, height = 100, 26

// shots are the screens: the keys that lead to each, and what is on it.
var shots = []struct {
	name, has string
	keys      []string
}{
	{"top-blocks", "> blocked", []string{"1"}},
	{"top-explain", "verdict", []string{"Enter"}},
	{"top-tuples", "LETTERS", []string{"Escape", "3"}},
}

func main() {
	binary := flag.String("binary", "bin/slips-ips", "the program to show")
	to := flag.String("to", "docs", "the folder for the pictures")
	flag.Parse()
	if err := run(*binary, *to); err != nil {
		fmt.Fprintln(os.Stderr, "topshot:", err)
		os.Exit(1)
	}
}

func run(binary, to string) (err error) {
	socket := os.Getenv("SLIPS_SOCKET")
	if socket == "" {
		return fmt.Errorf("SLIPS_SOCKET is not set: run it by make screenshots-top")
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "topshot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tmux := func(args ...string) (string, error) {
		out, err := exec.Command("tmux", append([]string{"-S", filepath.Join(dir, "tmux")}, args...)...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
		}
		return string(out), nil
	}
	if _, err := tmux("-f", "/dev/null", "-u", "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height),
		"env", "-u", "NO_COLOR", "TERM=screen-256color", "TZ=UTC", binary, "--socket", socket, "top", "--every", "500ms"); err != nil {
		return err
	}
	defer func() { _, _ = tmux("kill-server") }() // it may have ended by itself
	if _, err := tmux("set", "-g", "status", "off"); err != nil {
		return err
	}
	for _, s := range shots {
		for _, k := range s.keys {
			if _, err := tmux("send-keys", k); err != nil {
				return err
			}
			time.Sleep(time.Second) // to draw, and so that Escape is a key of its own
		}
		screen, err := tmux("capture-pane", "-p", "-e", "-N")
		if err != nil {
			return err
		}
		if !strings.Contains(screen, s.has) {
			return fmt.Errorf("%s: there is no %q on the screen:\n%s", s.name, s.has, screen)
		}
		path := filepath.Join(to, s.name+".svg")
		if err := os.WriteFile(path, []byte(picture(screen)), 0o644); err != nil {
			return err
		}
		fmt.Println("wrote", path)
	}
	return nil
}
