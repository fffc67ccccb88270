//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// The agent reads the stream, loses nothing of it, and decides on each connection
// of each beacon, some of which it blocks. How long it takes is for a quiet
// machine to tell.
func TestSoak(t *testing.T) {
	testenv.Root(t)
	argus := recorded(t, "3000")
	dir := t.TempDir()
	agent, tool := filepath.Join(dir, "slips-ips"), filepath.Join(dir, "soak")
	for path, pkg := range map[string]string{agent: "slips-ips/cmd/slips-ips", tool: "slips-ips/internal/soak"} {
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
			t.Fatalf("building: %v\n%s", err, out)
		}
	}
	cmd := exec.CommandContext(t.Context(), tool, "-binary", agent, "-argus", argus, "-bare", "-rate", "300", "-beacons", "4",
		"-every", "1250ms", "-warm", "14s", "-for", "5s", "-max-growth", "0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	text := string(out)
	if err != nil || !strings.Contains(text, ", 0 lost\n") || strings.Contains(text, " 0 blocks") {
		t.Errorf("%v\n%s%s", err, text, &errs)
	}
}

// What the agent does not know in the configuration is told clearly.
func TestUnknownConfiguration(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "old")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$3:1: metrics: unknown key\"; exit 2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := writeConfig(t.Context(), newPaths(dir), options{binary: program, records: "joined"})
	if err == nil || !strings.Contains(err.Error(), "does not take the configuration of internal/soak/config.go") || !strings.Contains(err.Error(), "unknown key") {
		t.Error(err)
	}
}

// A disk is full as long as it is to be, and has room afterwards.
func TestFillDisk(t *testing.T) {
	testenv.Root(t)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		testenv.Skip(t, "no disk can be mounted: "+err.Error())
	}
	defer func() { _ = unix.Unmount(disk, unix.MNT_DETACH) }()
	write := func() error { // and gives back what it took: that alone would always find room again
		path := filepath.Join(disk, "x")
		defer os.RemoveAll(path)
		return os.WriteFile(path, make([]byte, 4096), 0o600)
	}
	d := &disturbances{paths: paths{disk: disk}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.fillDisk(ctx) }()
	testenv.Until(t, "the disk is full", func() bool { return errors.Is(write(), syscall.ENOSPC) })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := write(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A hanging receiver answers nothing until it ends to hang, and all again then.
func TestReceiver(t *testing.T) {
	testenv.Root(t)
	ns, err := lab.NewNS("receiver")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	r, err := startReceiver(ns)
	if err != nil {
		t.Fatal(err)
	}
	client := ns.HTTPClient(10 * time.Second)
	post := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+webhookAddress+"/hook", strings.NewReader("{}"))
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	if err := post(t.Context()); err != nil {
		t.Fatal(err)
	}
	hanging, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); r.hang(hanging) }()
	for { // until it hangs
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := post(short)
		cancel()
		if err != nil {
			break
		}
	}
	answered := make(chan error)
	go func() { answered <- post(t.Context()) }()
	cancel()
	<-over
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := post(t.Context()); err != nil || r.requests.Load() < 4 {
		t.Errorf("afterwards: %v, %d requests", err, r.requests.Load())
	}
}

// Slow clients get some bytes, and come back when they are cut off.
func TestSlowClients(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				b := make([]byte, 4096)
				answer := answered + " OK"
				if n%4 == 3 {
					answer = "HTTP/1.1 503 too many"
				}
				if n, _ := conn.Read(b); strings.HasPrefix(string(b[:n]), "GET /v1/tuples?limit=100000&") {
					_, _ = io.WriteString(conn, answer)
				}
				_ = conn.Close()
			}()
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	d := &disturbances{paths: paths{control: path}, clients: 3}
	done := make(chan error)
	go func() { done <- d.slowClients(ctx) }()
	testenv.Until(t, "clients read, are cut and are refused", func() bool {
		return d.sipped.Load() >= 3 && d.cut.Load() >= 3 && d.served.Load() >= 3 && d.refused.Load() > 0
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestQuantileAndGrowth(t *testing.T) {
	if p := quantile([]float64{1, 2, 3, 4}, 0.5); p != 2 {
		t.Error(p)
	}
	if p := quantile([]float64{1, 2, 3, 4}, 0.99); p != 4 {
		t.Error(p)
	}
	if p := quantile(nil, 0.5); p != 0 {
		t.Error(p)
	}
	var all []sample
	for i := range 9 {
		all = append(all, sample{Resident: int64(100 + i/3*100)})
	}
	if g := growth(append([]sample{{Phase: warmUp, Resident: 1}}, all...)); g != 1.5 {
		t.Error(g)
	}
	if g := growth(nil); g != 1 {
		t.Error(g)
	}
}
