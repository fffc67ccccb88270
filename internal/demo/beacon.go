//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// beacon is the traffic of the demonstration: A's beacon to port 80, and what
// A and B do besides, at random times.
type beacon struct {
	n      atomic.Int64
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func startBeacon(ctx context.Context, d *demo) *beacon {
	ctx, cancel := context.WithCancel(ctx)
	b := &beacon{cancel: cancel}
	b.done.Go(func() {
		tick := time.NewTicker(beaconEvery)
		defer tick.Stop()
		for {
			if d.get(d.net.ClientA, server(80)) == nil {
				b.n.Add(1)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	for _, noise := range []func() error{
		func() error { return d.get(d.net.ClientB, server(80)) },
		func() error { return d.net.ClientA.Reach("tcp", server(8080), patience) },
	} {
		b.done.Go(func() {
			for {
				_ = noise() // whether it works is a step of its own
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Duration(rand.Float64() * rand.Float64() * float64(8*time.Second))):
				}
			}
		})
	}
	return b
}

// contacts is how often the beacon has reached the server.
func (b *beacon) contacts() int { return int(b.n.Load()) }

// stop ends the traffic.
func (b *beacon) stop() {
	b.cancel()
	b.done.Wait()
}
