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
	key     key
	active  Active
	renewal bool
	results []int // whom it answers: several blocks may need the same element
}

// Apply puts blocks in force, or renews them, and gives one result for each, in
// order. A block that is refused or fails does not keep the others back.
func (e *Enforcer) Apply(blocks []policy.Block) []Result {
	results := make([]Result, len(blocks))
	e.apply(blocks, results)
	if e.kernel != nil {
		// Nothing, unless the table had to be made again for very many blocks.
		// Check reports what fails.
		if err := e.mend(); err != nil {
			e.mu.Lock()
			e.failing(err)
			e.mu.Unlock()
		}
	}
	return results
}

func (e *Enforcer) apply(blocks []policy.Block, results []Result) {
	e.op.Lock()
	defer e.op.Unlock()
	now := e.now()
	tasks := e.plan(blocks, results, now)
	errs := make([]error, len(tasks))
	if e.kernel != nil && len(tasks) > 0 {
		elems := make([]element, len(tasks))
		for i, t := range tasks {
			elems[i] = elementOf(t.key, t.active, now)
		}
		e.put(elems, errs)
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	for i, t := range tasks {
		switch {
		case errs[i] != nil:
			e.stats.Failed++
			e.behind = true
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
		if e.kernel == nil {
			a.State = StateWouldBlock
		}
		before, exists := e.wanted.get(k)
		switch {
		case !exists && e.wanted.len() >= e.max:
			e.stats.Full++
			results[i].Err = fmt.Errorf("blocking %s: %w: %d", b.Tuple, ErrFull, e.max)
			continue
		case exists:
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
		tasks = append(tasks, task{key: k, active: a, renewal: exists, results: []int{i}})
	}
	return tasks
}

// allowed asks the guards about b, at this moment.
func (e *Enforcer) allowed(b policy.Block, protected *policy.Protected) (key, error) {
	if e.closed {
		return key{}, ErrClosed
	}
	k, err := elementKey(b)
	if err != nil {
		return key{}, err
	}
	if why, refused := protected.RefusesBlock(b); refused {
		return key{}, fmt.Errorf("%w: %s", ErrRefused, why)
	}
	return k, nil
}

func elementKey(b policy.Block) (key, error) {
	if b.Scope != policy.ScopeTuple {
		return key{}, fmt.Errorf("%w: the scope %q is not supported", ErrRefused, string(b.Scope))
	}
	return keyOf(b.Tuple)
}

// Lift takes blocks back: tuple and scope say which, the rest does not matter.
// It gives one result for each, in order. To lift what is not in force is no
// error.
func (e *Enforcer) Lift(blocks []policy.Block) []Result {
	e.op.Lock()
	defer e.op.Unlock()
	return e.lift(blocks)
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
	index := make(map[key][]int, len(blocks))
	for i, b := range blocks {
		results[i].Block = b
		k, err := elementKey(b)
		if e.closed {
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
	if e.kernel != nil && len(keys) > 0 {
		e.take(keys, errs)
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
