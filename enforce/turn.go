package enforce

import "sync"

// turn lets one at a time at the kernel, and those who bring a new block before
// those who restore many. Its zero value is ready.
type turn struct {
	mu       sync.Mutex
	free     sync.Cond
	busy     bool
	urgent   int // waiting in Lock
	patient  int // waiting in LockPatiently
	overtook int // urgent ones since a patient one was let in
}

// maxOvertaking is how many urgent ones go before a patient one gets its turn:
// without it, blocks without end would keep a restore from ending.
const maxOvertaking = 64

// Lock waits for the turn.
func (t *turn) Lock() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free.L = &t.mu
	t.urgent++
	for t.busy || t.patient > 0 && t.overtook >= maxOvertaking {
		t.free.Wait()
	}
	t.urgent--
	t.busy = true
	t.overtook++
}

// LockPatiently waits for the turn until nobody waits in Lock.
func (t *turn) LockPatiently() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free.L = &t.mu
	t.patient++
	for t.busy || t.urgent > 0 && t.overtook < maxOvertaking {
		t.free.Wait()
	}
	t.patient--
	t.busy = true
	t.overtook = 0
}

// Unlock ends the turn.
func (t *turn) Unlock() {
	t.mu.Lock()
	t.busy = false
	t.mu.Unlock()
	t.free.Broadcast()
}
