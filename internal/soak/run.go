//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/internal/lab"
)

// settle is how long the agent may take for what it got last, before it is
// stopped: a connection waits until its last packets can be no more.
const settle = 3 * time.Second

// run is one measurement.
type run struct {
	o       options
	log     io.Writer
	stream  *stream
	agent   *agent
	sampler *sampler
	began   time.Time
	samples []sample
	marks   []mark
	d       *disturbances
}

// mark is when a phase was, and what of the processors others had meanwhile.
type mark struct {
	name     string
	from, to time.Time
	stolen   cpuTime
}

// soak makes the namespace, starts the agent and goes through the phases.
func soak(ctx context.Context, o options, log io.Writer) (*result, error) {
	l, err := readLoad(o.argus)
	if err != nil {
		return nil, fmt.Errorf("reading the flows to send (make them with flowbench -record): %w", err)
	}
	if o.scan > 0 && l.probe.raw == nil {
		return nil, fmt.Errorf("%s has no SYN without an answer, which a scan would repeat", o.argus)
	}
	dir, err := os.MkdirTemp("", "slips-soak-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p := newPaths(dir)
	if err := mountDisk(p.disk, o.diskMiB); err != nil {
		return nil, err
	}
	defer func() { _ = unix.Unmount(p.disk, unix.MNT_DETACH) }() // it goes with the mount namespace too
	if err := writeConfig(ctx, p, o); err != nil {
		return nil, err
	}
	ns, err := lab.NewNS("soak")
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	hooks, err := startReceiver(ns)
	if err != nil {
		return nil, err
	}
	feed, err := ns.Listen("tcp", argusAddress)
	if err != nil {
		return nil, err
	}
	r := &run{o: o, log: log, stream: &stream{load: l, rate: o.rate, scan: o.scan, beacons: newBeacons(o.beacons, o.every)}}
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	served := make(chan error, 1)
	go func() { served <- r.stream.serve(serving, feed) }()
	keep := io.Discard
	if o.agentLog != "" {
		f, err := os.Create(o.agentLog)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		keep = f
	}
	starting, cancel := context.WithTimeout(ctx, time.Minute)
	r.agent, err = startAgent(starting, ns, o.binary, p.config, keep)
	cancel()
	if err != nil {
		return nil, err
	}
	defer r.agent.kill()
	metrics := p.metrics
	if o.bare {
		metrics = ""
	}
	r.sampler = newSampler(r.agent.cmd.Process.Pid, metrics)
	r.d = &disturbances{paths: p, agent: r.agent, hooks: hooks, hupEvery: o.hupEvery, clients: o.clients}
	if err := r.phases(ctx); err != nil {
		return nil, err
	}
	r.stream.quiet.Store(true)
	if !wait(ctx, settle) {
		return nil, ctx.Err()
	}
	last, err := r.sampler.take(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.agent.stop(); err != nil {
		return nil, err
	}
	stopServing()
	if err := <-served; err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
		return nil, err
	}
	return r.result(last), nil
}

// mountDisk makes a small disk that a run can fill.
func mountDisk(path string, mib int) error {
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=755", mib)); err != nil {
		return fmt.Errorf("mounting a small disk on %s: %w", path, err)
	}
	return os.Mkdir(filepath.Join(path, "state"), 0o750)
}

// phases runs one phase after the other, after a time in which beacons become
// known.
func (r *run) phases(ctx context.Context) error {
	r.began = time.Now()
	if err := r.phase(ctx, phase{name: warmUp}, r.o.warm); err != nil {
		return err
	}
	if !r.o.disturb {
		return r.phase(ctx, phase{name: undisturbed}, r.o.duration)
	}
	for range r.o.rounds {
		for _, p := range r.d.phases() {
			if err := r.phase(ctx, p, r.o.phase); err != nil {
				return fmt.Errorf("in the phase %q: %w", p.name, err)
			}
			if p.disturb == nil {
				continue
			}
			if err := r.phase(ctx, phase{name: aftermath}, r.o.rest); err != nil {
				return err
			}
		}
	}
	return nil
}

// What is not counted: the time before, and after a disturbance that in which the agent
// catches up.
const warmUp, aftermath = "warm-up", "aftermath"

func (r *run) phase(ctx context.Context, p phase, d time.Duration) error {
	fmt.Fprintf(r.log, "%8s  %s, %v\n", time.Since(r.began).Round(time.Second), p.name, d)
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	disturbing := make(chan error, 1)
	if p.disturb != nil {
		go func() { disturbing <- p.disturb(ctx) }()
	} else {
		disturbing <- nil
	}
	from, before := time.Now(), processors()
	tick := time.NewTicker(r.o.sample)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			s, err := r.sampler.take(ctx)
			if last, ended := r.agent.hasEnded(); ended {
				return fmt.Errorf("the agent has ended: %s", last)
			}
			if err != nil && ctx.Err() == nil {
				return err
			}
			if err == nil {
				s.Seconds, s.Phase = time.Since(r.began).Seconds(), p.name
				r.samples = append(r.samples, s)
			}
		}
	}
	r.marks = append(r.marks, mark{p.name, from, time.Now(), processors().since(before)})
	err := <-disturbing
	if err == nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	return err
}
