//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"slips-ips/internal/lab"
	"slips-ips/packaging"
)

// agent is the agent on the router and, where it is fed so, argus and ra before
// it, joined by a real pipe.
type agent struct {
	feed  []*exec.Cmd // argus and ra, or none
	slips *exec.Cmd
	out   io.Writer // nil: quiet

	mu      sync.Mutex
	events  []event
	printed bytes.Buffer  // standard output
	said    []string      // both outputs, newest last
	news    chan struct{} // closed and made anew at every line
	done    chan struct{} // closed when slips has ended
	err     error
}

// event is a line of the agent's log.
type event struct {
	Msg, Tuple, Reason, ID, Error string
}

// startAgent starts the agent with its feed and waits until it says so.
func startAgent(ctx context.Context, d *demo) (*agent, error) {
	conf := filepath.Join(d.dir, "slips.toml")
	text, state := config, ""
	if d.look != "" { // at leisure, and at what happened
		text, state = strings.Replace(config, `duration = "8s"`, `duration = "1h"`, 1), filepath.Join(d.dir, "state")
	}
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, err
	}
	if err := os.Chmod(d.dir, 0o755); err != nil {
		return nil, err
	}
	a := &agent{news: make(chan struct{}), done: make(chan struct{})}
	if d.verbose {
		a.out = d.out
	}
	source, ready := "spawn:"+lab.RouterLAN, "source live"
	if d.pipe {
		source, ready = "-", "started"
	}
	a.slips = exec.Command(d.binary, "run", "--source", source, "--mode", d.mode, "-c", conf,
		"--state", state, "--socket", d.socket())
	if d.pipe {
		if err := a.startFeed(d); err != nil {
			a.kill()
			return nil, err
		}
	}
	stdout, stderr := a.lines(a.print), a.lines(a.log)
	a.slips.Stdout, a.slips.Stderr = stdout, stderr
	if err := d.net.Router.Start(a.slips); err != nil {
		a.kill()
		return nil, err
	}
	go func() {
		err := a.slips.Wait()
		stdout.Close()
		stderr.Close()
		a.mu.Lock()
		a.err = err
		a.mu.Unlock()
		close(a.done)
	}()
	_, err := a.wait(ctx, func(e event) bool { return e.Msg == ready })
	return a, err
}

// startFeed starts argus and ra, whose pipe is the agent's standard input.
func (a *agent) startFeed(d *demo) error {
	argusConf, raConf := filepath.Join(d.dir, "argus.conf"), filepath.Join(d.dir, "ra.conf")
	// The shipped argus.conf, with a shorter interval: nobody likes to wait.
	text := packaging.ArgusConf + "\nARGUS_INTERFACE=" + lab.RouterLAN + "\nARGUS_FLOW_STATUS_INTERVAL=1\nARGUS_MAR_STATUS_INTERVAL=5\n"
	for path, text := range map[string]string{argusConf: text, raConf: packaging.RaConf} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	argus := exec.Command("argus", "-X", "-F", argusConf)
	ra := exec.Command("ra", "-X", "-F", raConf, "-n", "-Z", "b", "-S", "127.0.0.1:902")
	ra.Stdout, a.slips.Stdin = in, out              // the reading end is closed with the process
	argus.Stderr, ra.Stderr = os.Stderr, io.Discard // ra complains until argus listens
	for _, cmd := range []*exec.Cmd{argus, ra} {
		if err := d.net.Router.Start(cmd); err != nil {
			return err
		}
		a.feed = append(a.feed, cmd)
	}
	return nil
}

// lines gives a writer that hands every line on.
func (a *agent) lines(take func(string)) io.WriteCloser {
	r, w := io.Pipe()
	go func() {
		s := bufio.NewScanner(r)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			a.mu.Lock()
			a.said = append(a.said, s.Text())
			take(s.Text())
			close(a.news)
			a.news = make(chan struct{})
			a.mu.Unlock()
			if a.out != nil {
				fmt.Fprintln(a.out, "   |", s.Text())
			}
		}
	}()
	return w
}

func (a *agent) print(line string) { a.printed.WriteString(line + "\n") }

func (a *agent) log(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) == nil {
		a.events = append(a.events, e)
	}
}

// find looks for an event among those so far.
func (a *agent) find(fits func(event) bool) (event, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.events {
		if fits(e) {
			return e, true
		}
	}
	return event{}, false
}

// longest is how long the agent may take for anything: the beacon needs about
// half a minute, and the machine may be busy.
const longest = 150 * time.Second

// wait waits for an event.
func (a *agent) wait(ctx context.Context, fits func(event) bool) (e event, err error) {
	err = a.until(ctx, func() bool {
		var ok bool
		e, ok = a.find(fits)
		return ok
	})
	return e, err
}

// waitPrinted waits until something stands on standard output.
func (a *agent) waitPrinted(ctx context.Context, text string) error {
	err := a.until(ctx, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return strings.Contains(a.printed.String(), text)
	})
	if err != nil {
		return fmt.Errorf("%s was not printed: %w", text, err)
	}
	return nil
}

func (a *agent) until(ctx context.Context, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for {
		a.mu.Lock()
		news := a.news
		a.mu.Unlock()
		if holds() {
			return nil
		}
		select {
		case <-news:
		case <-a.done:
			if holds() {
				return nil
			}
			return errors.New("the agent has ended")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stop tells the agent to end, which it does after all that it had accepted.
func (a *agent) stop(ctx context.Context) error {
	if err := a.slips.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-a.done:
	case <-time.After(10 * time.Second):
		return errors.New("the agent did not end within 10 s")
	case <-ctx.Done():
		return ctx.Err()
	}
	a.mu.Lock()
	err := a.err
	a.mu.Unlock()
	a.kill()
	if err != nil {
		return fmt.Errorf("the agent ended with %w", err)
	}
	return nil
}

// kill ends what was started, and only that.
func (a *agent) kill() {
	if a.slips.Process != nil {
		_ = a.slips.Process.Kill() // it may have ended by itself
	}
	for _, cmd := range a.feed {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	a.feed = nil
}

// tail is the end of what the agent said.
func (a *agent) tail() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return "    | " + strings.Join(a.said[max(0, len(a.said)-20):], "\n    | ")
}
