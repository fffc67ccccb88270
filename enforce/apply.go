package enforce

import (
	"fmt"
	"time"

	"slips-ips/policy"
)

// Result tells what became of one block.
type Result struct {
	Block policy.Block
	// Err is nil where the block is in force and confirmed by the kernel, or in
	// dry-run would be; for Lift, where it is no longer. After an error of the
	// kernel the block stays wanted and Check tries again; a refused one does not.
	Err error
	// Until is when the block runs out. It is later than the block's duration
	// says where one in force already lasts longer: blocks are never shortened.
	Until time.Time
	// Before tells that it was in force before the call: for Apply that it is a
	// renewal, for Lift that there was something to lift.
	Before bool
}

// task is an element that Apply puts in force.
type task struct {
	key      key
	active   Active
	renewal  bool
	hadOther bool  // its verdict was not that of [enforce]
	results  []int // whom it answers: several blocks may need the same element
}

// Apply puts blocks in force, or renews them, and gives one result for each, in
// order. A block that is refused or fails does not keep the others back. Other
// calls may come in between the parts of a long one.
func (e *Enforcer) Apply(blocks []policy.Block) []Result {
	results := make([]Result, len(blocks))
	e.applyAll(blocks, results, e.op.Lock)
	return results
}

// applyAll applies blocks in transactions of moderate size. lock waits for the
// turn of the first; all others are patient.
func (e *Enforcer) applyAll(blocks []policy.Block, results []Result, lock func()) {
	var hopeless error
	for len(blocks) > 0 {
		n := min(len(blocks), chunkSize)
		err := e.applyChunk(blocks[:n], results[:n], lock, hopeless)
		if err != nil && hopeless == nil {
			hopeless = err
		}
		blocks, results, lock = blocks[n:], results[n:], e.op.LockPatiently
	}
}

// applyChunk applies a part. It gives an error that the rest would meet too;
// where hopeless is one, the kernel is not even asked.
func (e *Enforcer) applyChunk(blocks []policy.Block, results []Result, lock func(), hopeless error) (fatal error) {
	lock()
	defer e.op.Unlock()
	now := e.now()
	tasks := e.plan(blocks, results, now)
	errs := make([]error, len(tasks))
	switch {
	case len(tasks) == 0 || e.kernel == nil:
	case hopeless != nil:
		for i := range errs {
			errs[i] = hopeless
		}
	default:
		elems := make([]element, len(tasks))
		for i, t := range tasks {
			elems[i] = elementOf(t.key, t.active, now)
			elems[i].renew, elems[i].noOther = t.renewal, t.hadOther && !t.active.other
		}
		if err := e.guardForced(tasks); err != nil {
			e.mu.Lock()
			e.failing(err)
			e.mu.Unlock()
		}
		e.put(elems, errs)
		for _, err := range errs {
			if !hopeful(err) {
				fatal = err
			}
		}
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	for i, t := range tasks {
		switch {
		case errs[i] != nil:
			e.stats.Failed++
			e.behind = true
			// A renewal too: the kernel has it, but not for as long.
			e.wanted.setState(t.key, StateMissing)
			e.wanted.fail(t.key)
			e.failing(fmt.Errorf("blocking %s: %w", t.active.Block.Tuple, errs[i]))
		case t.renewal:
			e.stats.Renewed++
		default:
			e.stats.Applied++
		}
		for _, r := range t.results {
			results[r].Until, results[r].Before = t.active.Until, t.renewal
			if errs[i] != nil {
				results[r].Err = fmt.Errorf("blocking %s: %w", results[r].Block.Tuple, errs[i])
			}
		}
	}
	if e.behind {
		e.nudge()
	}
	return fatal
}

// plan asks the guards about each block, merges those that need the same
// element, and makes what is left the wanted state. It fills in the results of
// the ones that are refused.
func (e *Enforcer) plan(blocks []policy.Block, results []Result, now time.Time) []task {
	tasks := make([]task, 0, len(blocks))
	index := make(map[key]int, len(blocks))
	protected := e.opt.Protected()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(now)
	for i, b := range blocks {
		results[i].Block = b
		k, err := e.allowed(b, protected)
		if err != nil {
			e.stats.Refused++
			results[i].Err = fmt.Errorf("blocking %s: %w", b.Tuple, err)
			continue
		}
		a := Active{Block: b, State: StateMissing, Since: now, Until: now.Add(clamp(b.Duration))}
		a.other = b.Verdict != "" && Verdict(b.Verdict) != e.cfg.Verdict
		if e.kernel == nil {
			a.State = StateWouldBlock
		}
		before, exists := e.wanted.get(k)
		limit := e.cfg.MaxBlocks
		full := !exists && e.wanted.len() >= limit
		if !full && (!exists && e.wanted.full(k, false) || a.other && !before.other && e.wanted.full(k, true)) {
			full, limit = true, MaxWide
		}
		if full {
			e.stats.Full++
			results[i].Err = fmt.Errorf("blocking %s: %w: %d", b.Tuple, ErrFull, limit)
			continue
		}
		if exists {
			a.State, a.Since = before.State, before.Since
			if before.Until.After(a.Until) {
				a.Until = before.Until
			}
		}
		e.wanted.put(k, a)
		if n, merged := index[k]; merged {
			tasks[n].active = a
			tasks[n].results = append(tasks[n].results, i)
			continue
		}
		index[k] = len(tasks)
		tasks = append(tasks, task{key: k, active: a, renewal: exists, hadOther: before.other, results: []int{i}})
	}
	return tasks
}

// allowed asks the guards about b, at this moment.
func (e *Enforcer) allowed(b policy.Block, protected *policy.Protected) (key, error) {
	if e.closed {
		return key{}, ErrClosed
	}
	if e.paused {
		return key{}, ErrPaused
	}
	k, err := keyFor(b, e.cfg.IPv6Prefix)
	if err != nil {
		return key{}, err
	}
	if why, refused := protected.RefusesBlock(b); refused {
		return key{}, fmt.Errorf("%w: %s", ErrRefused, why)
	}
	return k, nil
}

// Lift takes blocks back: tuple and scope say which, the rest does not matter.
// It gives one result for each, in order. To lift what is not in force is no
// error.
func (e *Enforcer) Lift(blocks []policy.Block) []Result {
	results := make([]Result, 0, len(blocks))
	lock := e.op.Lock
	for len(blocks) > 0 {
		n := min(len(blocks), chunkSize)
		lock()
		results = append(results, e.lift(blocks[:n])...)
		e.op.Unlock()
		blocks, lock = blocks[n:], e.op.LockPatiently
	}
	return results
}

// LiftID takes the block with an id back, as Lift does; ok is false where there
// is none (see Find). The result has the whole block.
func (e *Enforcer) LiftID(id string) (r Result, ok bool) {
	e.op.Lock()
	defer e.op.Unlock()
	a, ok := e.Find(id)
	if !ok {
		return Result{}, false
	}
	return e.lift([]policy.Block{a.Block})[0], true
}

func (e *Enforcer) lift(blocks []policy.Block) []Result {
	results := make([]Result, len(blocks))
	var keys []key
	e.mu.Lock()
	closed, paused := e.closed, e.paused
	e.mu.Unlock()
	index := make(map[key][]int, len(blocks))
	for i, b := range blocks {
		results[i].Block = b
		k, err := keyFor(b, e.cfg.IPv6Prefix)
		if closed {
			err = ErrClosed
		}
		if err != nil {
			results[i].Err = fmt.Errorf("lifting the block of %s: %w", b.Tuple, err)
			continue
		}
		if index[k] == nil {
			keys = append(keys, k)
		}
		index[k] = append(index[k], i)
	}
	errs := make([]error, len(keys))
	if e.kernel != nil && !paused && len(keys) > 0 { // paused, there is nothing to lift
		elems := make([]element, len(keys))
		e.mu.Lock()
		for i, k := range keys {
			a, _ := e.wanted.get(k)
			elems[i] = element{key: k, timeout: time.Second, other: a.other}
		}
		e.mu.Unlock()
		e.take(elems, errs)
	}
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(now)
	for n, k := range keys {
		a, exists := e.wanted.get(k)
		for _, i := range index[k] {
			results[i].Before, results[i].Until = exists, a.Until
			if errs[n] != nil {
				results[i].Err = fmt.Errorf("lifting the block of %s: %w", blocks[i].Tuple, errs[n])
				e.failing(results[i].Err)
			}
		}
		if errs[n] == nil && exists {
			e.wanted.remove(k)
			e.stats.Lifted++
		}
	}
	return results
}
