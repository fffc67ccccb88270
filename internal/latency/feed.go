//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"slips-ips/internal/lab"
	"slips-ips/packaging"
)

// feed is an agent and what gives it flows.
type feed struct {
	name  string
	agent *exec.Cmd
	ra    *exec.Cmd // nil: none
	done  chan struct{}

	mu sync.Mutex
	// found is when the detection came after so many flows.
	found   map[int]time.Time
	started bool
	last    string
}

// startFeeds starts an agent for each feed and waits until they are live.
func startFeeds(ctx context.Context, ns *lab.NS, binary, dir string) ([]*feed, error) {
	models := filepath.Join(dir, "models")
	if err := os.Mkdir(models, 0o755); err != nil {
		return nil, err
	}
	conf, raConf := filepath.Join(dir, "slips.toml"), filepath.Join(dir, "ra.conf")
	for path, text := range map[string]string{
		filepath.Join(models, "everything.toml"): model,
		conf:                                     fmt.Sprintf(config, models),
		raConf:                                   packaging.RaConf,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	address := "127.0.0.1:" + strconv.Itoa(argusFor)
	var feeds []*feed
	for _, f := range []struct {
		name, source string
		ra           []string
	}{
		{"spawn: (argus of our own)", "spawn:" + lab.RouterLAN, nil},
		{"argus:// (shipped argus.conf)", "argus://" + address, nil},
		{"ra | slips-ips (the same argus)", "-", []string{"ra", "-X", "-F", raConf, "-n", "-Z", "b", "-S", address}},
	} {
		fd := &feed{name: f.name, found: map[int]time.Time{}, done: make(chan struct{})}
		fd.agent = exec.Command(binary, "run", "-v", "2", "-c", conf, "--source", f.source, "--state", "", "--socket", "")
		if err := fd.start(ns, f.ra); err != nil {
			return feeds, fmt.Errorf("starting %s: %w", f.name, err)
		}
		feeds = append(feeds, fd)
	}
	for _, f := range feeds {
		if err := f.until(ctx, func() bool { return f.started }); err != nil {
			return feeds, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return feeds, nil
}

func (f *feed) start(ns *lab.NS, ra []string) error {
	if ra != nil {
		out, in, err := os.Pipe()
		if err != nil {
			return err
		}
		defer out.Close()
		defer in.Close()
		f.ra = exec.Command(ra[0], ra[1:]...)
		f.ra.Stdout, f.agent.Stdin = in, out
		if err := ns.Start(f.ra); err != nil {
			return err
		}
	}
	r, w := io.Pipe()
	f.agent.Stderr = w
	if err := ns.Start(f.agent); err != nil {
		return err
	}
	go func() {
		_ = f.agent.Wait() // what it said last tells more
		_ = w.Close()      // a pipe never fails
	}()
	go f.listen(r)
	return nil
}

// event is a line of the agent's log.
type event struct {
	Time        time.Time
	Msg, Reason string
}

var afterFlows = regexp.MustCompile(`after (\d+) flows`)

func (f *feed) listen(r io.Reader) {
	defer close(f.done)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		f.mu.Lock()
		f.last = lines.Text()
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			f.started = f.started || e.Msg == "source live" || f.ra != nil && e.Msg == "started"
			if m := afterFlows.FindStringSubmatch(e.Reason); m != nil {
				n, _ := strconv.Atoi(m[1])
				f.found[n] = e.Time
			}
		}
		f.mu.Unlock()
	}
}

// wait waits until the last of n connections was detected.
func (f *feed) wait(ctx context.Context, n int) error {
	err := f.until(ctx, func() bool { _, ok := f.found[n]; return ok })
	if err != nil {
		return fmt.Errorf("%s: the last connection was not detected: %w", f.name, err)
	}
	return nil
}

func (f *feed) until(ctx context.Context, holds func() bool) error {
	for {
		f.mu.Lock()
		ok, last := holds(), f.last
		f.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-f.done:
			return fmt.Errorf("the agent has ended: %s", last)
		case <-ctx.Done():
			return fmt.Errorf("%w; the agent said last: %s", ctx.Err(), last)
		}
	}
}

func (f *feed) stop() {
	_ = f.agent.Process.Signal(syscall.SIGTERM)
	select {
	case <-f.done:
	case <-time.After(10 * time.Second):
		_ = f.agent.Process.Kill()
		<-f.done
	}
	if f.ra != nil {
		end(f.ra)
	}
}
