//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"slips-ips/internal/lab"
)

// agent is the program that is measured, and what its log told.
type agent struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu sync.Mutex
	// told is when the first decision on connection n of a tuple was logged.
	told  map[string]map[int]time.Time
	live  bool
	last  string
	exit  error
	words map[string]int // lines of the log by message
	// firstErrors are lines of level ERROR, source and ended the agent's last words.
	errors        int
	firstErrors   []string
	source, ended map[string]any
	news          chan struct{}
}

// line is one of the agent's log.
type line struct {
	Time                      time.Time
	Level, Msg, Tuple, Reason string
}

var afterFlows = regexp.MustCompile(`after (\d+) flows?\b`)

// startAgent starts the agent, keeps its log, and waits until it reads the stream.
func startAgent(ctx context.Context, ns *lab.NS, binary, config string, keep io.Writer) (*agent, error) {
	a := &agent{told: map[string]map[int]time.Time{}, done: make(chan struct{}), words: map[string]int{}, news: make(chan struct{}, 1)}
	a.cmd = exec.Command(binary, "run", "-v", "2", "-c", config)
	r, w := io.Pipe()
	a.cmd.Stderr = w
	if err := ns.Start(a.cmd); err != nil {
		return nil, err
	}
	go func() {
		err := a.cmd.Wait()
		a.mu.Lock()
		a.exit = err
		a.mu.Unlock()
		_ = w.Close() // a pipe never fails
	}()
	go a.listen(io.TeeReader(r, keep))
	for {
		a.mu.Lock()
		live, last := a.live, a.last
		a.mu.Unlock()
		if live {
			return a, nil
		}
		select {
		case <-a.news:
		case <-a.done:
			return nil, fmt.Errorf("the agent has ended: %s", last)
		case <-ctx.Done():
			a.kill()
			return nil, fmt.Errorf("%w; the agent said last: %s", ctx.Err(), last)
		}
	}
}

func (a *agent) listen(r io.Reader) {
	defer close(a.done)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		a.take(lines.Bytes())
		select {
		case a.news <- struct{}{}:
		default:
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line that is too long must not hold the agent up
}

// take takes in a line of the log.
func (a *agent) take(text []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = string(text)
	var l line
	if json.Unmarshal(text, &l) != nil {
		return
	}
	a.words[l.Msg]++
	if l.Level == "ERROR" {
		if a.errors++; a.errors <= 5 {
			a.firstErrors = append(a.firstErrors, string(text))
		}
	}
	switch l.Msg {
	case "source live":
		a.live = true
	case "source ended":
		_ = json.Unmarshal(text, &a.source) // it could be read above
	case "stopped":
		_ = json.Unmarshal(text, &a.ended)
	}
	if l.Tuple == "" {
		return
	}
	if m := afterFlows.FindStringSubmatch(l.Reason); m != nil {
		n, _ := strconv.Atoi(m[1])
		of := a.told[l.Tuple]
		if of == nil {
			of = map[int]time.Time{}
			a.told[l.Tuple] = of
		}
		if _, known := of[n]; !known {
			of[n] = l.Time
		}
	}
}

// stop ends the agent in order, and gives how it ended.
func (a *agent) stop() error {
	_ = a.cmd.Process.Signal(syscall.SIGTERM) // it may have ended: then that is told below
	select {
	case <-a.done:
	case <-time.After(30 * time.Second):
		a.kill()
		return errors.New("the agent did not end within 30 s of SIGTERM")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.exit != nil {
		return fmt.Errorf("the agent ended with %w: %s", a.exit, a.last)
	}
	return nil
}

func (a *agent) kill() {
	_ = a.cmd.Process.Kill() // it may have ended by itself
	<-a.done
}

// hasEnded tells whether the agent is gone, and what it said last.
func (a *agent) hasEnded() (last string, ended bool) {
	select {
	case <-a.done:
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.last, true
	default:
		return "", false
	}
}
