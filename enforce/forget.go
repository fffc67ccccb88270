package enforce

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// forgetter removes connections of blocked traffic from the kernel's connection
// tracking. The block itself does not need it: it drops every packet. It makes
// a flowtable let go of what it offloads, and lets no state linger.
//
// It walks the whole table of connections, so it is done in a goroutine of its
// own, for all blocks of a while together. The nil forgetter does nothing.
type forgetter struct {
	walk func(keys map[key]bool) (uint64, error)
	wake chan struct{}
	done chan struct{}
	over sync.WaitGroup

	mu        sync.Mutex
	waiting   map[key]bool
	forgotten uint64
	lost      uint64
	err       error
	told      string // which failure was told
}

const (
	// forgetEvery is the least pause after a walk; one that took long is followed
	// by a pause of forgetShare times that, as large tables take half a second.
	forgetEvery = time.Second
	forgetShare = 20
	// maxForget is how many blocks wait for a walk; more are counted as lost.
	maxForget = 100_000
)

func newForgetter(walk func(map[key]bool) (uint64, error)) *forgetter {
	f := &forgetter{walk: walk, wake: make(chan struct{}, 1), done: make(chan struct{}), waiting: make(map[key]bool)}
	f.over.Go(f.run)
	return f
}

// enqueue asks for the connections of blocks that came in force.
func (f *forgetter) enqueue(keys []key) {
	if f == nil || len(keys) == 0 {
		return
	}
	f.mu.Lock()
	for _, k := range keys {
		if len(f.waiting) >= maxForget {
			f.lost++
			continue
		}
		f.waiting[k] = true
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *forgetter) run() {
	for {
		select {
		case <-f.done:
			return
		case <-f.wake:
		}
		f.mu.Lock()
		keys := f.waiting
		f.waiting = make(map[key]bool)
		f.mu.Unlock()
		start := time.Now()
		n, err := f.walk(keys)
		pause := max(forgetEvery, forgetShare*time.Since(start))
		f.mu.Lock()
		f.forgotten += n
		f.err = err
		f.mu.Unlock()
		if err != nil {
			f.enqueue(slices.Collect(maps.Keys(keys))) // nobody knows how far it came
		}
		select {
		case <-f.done:
			return
		case <-time.After(pause):
		}
	}
}

func (f *forgetter) stop() {
	if f == nil {
		return
	}
	close(f.done)
	f.over.Wait()
}

// counts gives how many connections were removed, and why the last walk failed.
func (f *forgetter) counts() (forgotten uint64, err error) {
	if f == nil {
		return 0, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.forgotten, f.err
}

// trouble gives why the last walk failed, once for each reason, and an error for
// those that found no room to wait.
func (f *forgetter) trouble() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.err
	if f.lost > 0 {
		err = errors.Join(err, fmt.Errorf("the connections of %d blocks were not looked for: too many blocks at once", f.lost))
		f.lost = 0
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == f.told {
		return nil
	}
	f.told = text
	return err
}
