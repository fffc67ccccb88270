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

// press is a key and what is on the screen when it was answered.
type press struct{ key, shows string }

// shots are the screens, and the keys that lead to each.
var shots = []struct {
	name string
	keys []press
}{
	{"top-blocks", []press{{"1", "> blocked"}}},
	{"top-explain", []press{{"Enter", "verdict"}}},
	{"top-tuples", []press{{"Escape", "> blocked"}, {"3", "LETTERS"}}},
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
	capture := func() (string, error) { return tmux("capture-pane", "-p", "-e", "-N") }
	for _, s := range shots {
		var screen string
		for _, p := range s.keys {
			if _, err := tmux("send-keys", p.key); err != nil {
				return err
			}
			if screen, err = waitFor(capture, p.shows); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		path := filepath.Join(to, s.name+".svg")
		if err := os.WriteFile(path, []byte(picture(screen)), 0o644); err != nil {
			return err
		}
		fmt.Println("wrote", path)
	}
	return nil
}

// patience is how long an answer to a key may take.
const patience = 30 * time.Second

// waitFor gives the screen when it has a text and is drawn: what is written at once may
// be seen in parts.
func waitFor(capture func() (string, error), text string) (string, error) {
	before := ""
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		screen, err := capture()
		switch {
		case err != nil:
			return "", err
		case screen == before && strings.Contains(screen, text):
			return screen, nil
		case time.Now().After(end):
			return "", fmt.Errorf("there is no %q on the screen:\n%s", text, screen)
		}
		before = screen
	}
}
