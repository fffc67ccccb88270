//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/renameio/v2"

	"slips-ips/agent/control"
	"slips-ips/internal/lab"
)

// disturbances are what a run can do to the agent, each until its context ends.
type disturbances struct {
	paths paths
	agent *agent
	hooks *receiver
	// hupEvery is the pause between two reloads, clients how many read slowly.
	hupEvery time.Duration
	clients  int

	filled, hups, cut, sipped, served, refused atomic.Uint64
}

// phase is a part of a run.
type phase struct {
	name    string
	disturb func(context.Context) error // nil: nothing
}

// What nothing disturbs is told twice, by every other phase of it: how much the two
// differ tells what a difference of the others is worth.
const undisturbed, undisturbedToo = "undisturbed", "undisturbed too"

// phases gives all of them, with an undisturbed one before each other.
func (d *disturbances) phases() (all []phase) {
	for i, p := range []phase{{"full disk", d.fillDisk}, {"hanging webhook", d.hangHook}, {"slow clients", d.slowClients}, {"SIGHUP in a loop", d.reload}} {
		all = append(all, phase{[]string{undisturbed, undisturbedToo}[i%2], nil}, p)
	}
	return all
}

// fillDisk keeps the disk of the state folder and the EVE file full.
func (d *disturbances) fillDisk(ctx context.Context) error {
	path := filepath.Join(d.paths.disk, "full")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer os.RemoveAll(path)
	defer f.Close()
	block := make([]byte, 64<<10)
	for {
		n, err := f.Write(block)
		d.filled.Add(uint64(n))
		switch {
		case errors.Is(err, syscall.ENOSPC) && len(block) > 1:
			block = block[:len(block)/2]
		case errors.Is(err, syscall.ENOSPC):
			block = make([]byte, 64<<10) // the agent may have given some back
			if !wait(ctx, time.Second) {
				return nil
			}
		case err != nil:
			return err
		case ctx.Err() != nil:
			return nil
		}
	}
}

// hangHook lets the webhook accept requests and never answer.
func (d *disturbances) hangHook(ctx context.Context) error {
	before := d.hooks.requests.Load()
	d.hooks.hang(ctx)
	if n := d.hooks.requests.Load(); n == before {
		return errors.New("no request came to the webhook that hangs: it disturbed nobody")
	}
	return nil
}

// answered is how an answer begins that has the tuples in it.
const answered = "HTTP/1.1 200"

// slowClients ask the control socket for all tuples and read a byte a second.
func (d *disturbances) slowClients(ctx context.Context) error {
	var all sync.WaitGroup
	for range d.clients {
		all.Go(func() {
			for ctx.Err() == nil {
				d.slowClient(ctx)
				d.cut.Add(1)
				wait(ctx, 100*time.Millisecond)
			}
		})
	}
	all.Wait()
	if d.served.Load() == 0 || d.sipped.Load() == 0 {
		return fmt.Errorf("no slow client got an answer, %d were refused: they disturbed nobody", d.refused.Load())
	}
	return nil
}

func (d *disturbances) slowClient(ctx context.Context) {
	conn, err := net.Dial("unix", d.paths.control)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }() // what it still says is of no interest
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := fmt.Fprintf(conn, "GET /v1/tuples?limit=%d&letters=1000 HTTP/1.1\r\nHost: agent\r\n\r\n", control.MaxLimit); err != nil {
		return
	}
	answer := make([]byte, len(answered))
	switch _, err := io.ReadFull(conn, answer); {
	case err != nil:
		return
	case string(answer) != answered:
		d.refused.Add(1)
		return
	}
	d.served.Add(1)
	b := make([]byte, 1)
	for wait(ctx, time.Second) {
		if _, err := conn.Read(b); err != nil {
			return
		}
		d.sipped.Add(1)
	}
}

// reload makes the agent read its configuration again and again, another one each
// time: a reload that brings nothing new disturbs less.
func (d *disturbances) reload(ctx context.Context) error {
	text, err := os.ReadFile(d.paths.config)
	if err != nil {
		return err
	}
	for other := true; wait(ctx, d.hupEvery); other = !other {
		next := text
		if other {
			next = bytes.Replace(text, []byte(blockTime), []byte(otherBlockTime), 1)
		}
		if err := renameio.WriteFile(d.paths.config, next, 0o600); err != nil {
			return err
		}
		if err := d.agent.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			return fmt.Errorf("sending SIGHUP: %w", err)
		}
		d.hups.Add(1)
	}
	return nil
}

// wait waits, and tells whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}

// receiver takes what the agent reports by webhook and syslog.
type receiver struct {
	requests, lines atomic.Uint64

	mu   sync.Mutex
	stop <-chan struct{} // until then requests are not answered; nil: they are
}

func startReceiver(ns *lab.NS) (*receiver, error) {
	r := &receiver{}
	l, err := ns.Listen("tcp", webhookAddress)
	if err != nil {
		return nil, err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		r.mu.Lock()
		stop := r.stop
		r.mu.Unlock()
		if stop != nil {
			select {
			case <-stop:
			case <-req.Context().Done():
				return
			}
		}
		_, _ = io.Copy(io.Discard, req.Body) // the agent sends what it likes
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = server.Serve(l) }() // it ends with the namespace
	udp, err := ns.ListenPacket("udp", syslogAddress)
	if err != nil {
		return nil, err
	}
	go func() {
		b := make([]byte, 1<<16)
		for {
			if _, _, err := udp.ReadFrom(b); err != nil {
				return
			}
			r.lines.Add(1)
		}
	}()
	return r, nil
}

// hang leaves requests without an answer until ctx ends.
func (r *receiver) hang(ctx context.Context) {
	r.mu.Lock()
	r.stop = ctx.Done()
	r.mu.Unlock()
	<-ctx.Done()
	r.mu.Lock()
	r.stop = nil
	r.mu.Unlock()
}
