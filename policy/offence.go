package policy

import (
	linked "container/list"
	"time"

	"slips-ips/argusfeed"
)

// Offence is how often something was blocked before. It is a value; the zero
// value says never.
type Offence struct {
	// Count is how many blocks counted when the last one began, that one included.
	Count int
	// Until is when the last of them ended or will end, on the clock of View.Now.
	Until argusfeed.Time
	// Longest is how long the longest of them lasted.
	Longest time.Duration
}

// counts gives how many blocks still count: one less for each span of good
// behaviour since the last of them ended. Without a span nothing is forgiven.
func (o Offence) counts(now argusfeed.Time, forgive time.Duration) int {
	if good := now.Sub(o.Until); forgive > 0 && good >= forgive {
		return max(0, o.Count-int(min(good/forgive, time.Duration(o.Count))))
	}
	return o.Count
}

// Offended is what was blocked before of a tuple: in each scope, what a block of
// that scope would cover. It is a value.
type Offended struct {
	Tuple, Pair, Destination, Source Offence
}

// of gives the offence that a block of the scope would follow: the gravest of
// the blocks that it would contain. A pair that was blocked says nothing about
// the one tuple of it that is blocked next.
func (o Offended) of(s Scope, now argusfeed.Time, forgive time.Duration) Offence {
	worst := o.Tuple
	consider := func(other Offence) {
		a, b := other.counts(now, forgive), worst.counts(now, forgive)
		if longest := max(worst.Longest, other.Longest); a > b || a == b && other.Until > worst.Until {
			worst = other
			worst.Longest = longest
		} else {
			worst.Longest = longest
		}
	}
	if s == ScopeTuple || s == "" {
		return worst
	}
	consider(o.Pair)
	switch s {
	case ScopeDestination:
		consider(o.Destination)
	case ScopeSource:
		consider(o.Source)
	}
	return worst
}

// Offences remembers what was blocked before. It keeps at most
// Config.MaxTuples of them; when a new one needs the place, the one goes that
// was blocked last the longest ago: among those blocked once as long as they
// hold more than a quarter of the places, else among the others. It belongs to
// one goroutine, and can be made again from a history: Record in the order of
// time gives the same as when the blocks began.
type Offences struct {
	max     int
	forgive time.Duration
	places  map[subject]*linked.Element // of offender
	once    *linked.List                // blocked once, the newest first
	often   *linked.List                // the others
	evicted uint64
}

// subject is what a block covers: the parts of the tuple that its scope looks at.
type subject struct {
	scope Scope
	tuple argusfeed.Tuple
}

func subjectOf(t argusfeed.Tuple, s Scope) subject {
	switch s {
	case ScopePair:
		return subject{s, argusfeed.Tuple{Src: t.Src, Dst: t.Dst}}
	case ScopeDestination:
		return subject{s, argusfeed.Tuple{Dst: t.Dst}}
	case ScopeSource:
		return subject{s, argusfeed.Tuple{Src: t.Src}}
	}
	return subject{ScopeTuple, t}
}

type offender struct {
	subject subject
	offence Offence
}

// NewOffences makes an empty memory.
func (e *Engine) NewOffences() *Offences {
	return &Offences{
		max: e.maxTuples, forgive: e.forgive,
		places: make(map[subject]*linked.Element), once: linked.New(), often: linked.New(),
	}
}

// AdoptOffences has a memory of another engine keep what e asks for. The result is
// o itself. A time of forgiveness that changed counts from the last block on.
func (e *Engine) AdoptOffences(o *Offences, now argusfeed.Time) *Offences {
	o.max, o.forgive = e.maxTuples, e.forgive
	for len(o.places) > o.max {
		o.evict(now)
	}
	return o
}

// Record takes note of a block that began at a time. One that begins while the
// one before is in force renews it and is no further offence. So a block that is
// recorded twice counts once.
func (o *Offences) Record(b Block, at argusfeed.Time) {
	key := subjectOf(b.Tuple, b.Scope)
	until := at.Add(b.Duration)
	el, known := o.places[key]
	if !known {
		if len(o.places) >= o.max {
			o.evict(at)
		}
		o.places[key] = o.once.PushFront(&offender{key, Offence{Count: 1, Until: until, Longest: b.Duration}})
		return
	}
	v := el.Value.(*offender)
	before := v.offence
	now := Offence{Count: before.Count, Until: max(before.Until, until), Longest: max(before.Longest, b.Duration)}
	if at >= before.Until {
		left := before.counts(at, o.forgive)
		now.Count = left + 1
		if left < before.Count { // what was long is forgiven too
			now.Longest = b.Duration
		}
	}
	o.drop(el)
	l := o.often
	if now.Count < 2 {
		l = o.once
	}
	o.places[key] = l.PushFront(&offender{key, now})
}

// Pardon forgets the blocks of what b covers: it should not have been blocked.
func (o *Offences) Pardon(b Block) {
	if el, ok := o.places[subjectOf(b.Tuple, b.Scope)]; ok {
		o.drop(el)
	}
}

// Of gives what was blocked before of a tuple.
func (o *Offences) Of(t argusfeed.Tuple) Offended {
	find := func(s Scope) Offence {
		if el, ok := o.places[subjectOf(t, s)]; ok {
			return el.Value.(*offender).offence
		}
		return Offence{}
	}
	return Offended{find(ScopeTuple), find(ScopePair), find(ScopeDestination), find(ScopeSource)}
}

// Len is how many are remembered, those included that were forgiven since.
func (o *Offences) Len() int { return len(o.places) }

// Evicted counts those that were forgotten for want of a place although they
// still counted.
func (o *Offences) Evicted() uint64 { return o.evicted }

func (o *Offences) evict(now argusfeed.Time) {
	victim := o.often.Back()
	if victim == nil || o.once.Len() > o.max/4 {
		victim = o.once.Back()
	}
	if victim.Value.(*offender).offence.counts(now, o.forgive) > 0 {
		o.evicted++
	}
	o.drop(victim)
}

func (o *Offences) drop(el *linked.Element) {
	v := el.Value.(*offender)
	delete(o.places, v.subject)
	// Remove does nothing for the list that the element is not in.
	o.once.Remove(el)
	o.often.Remove(el)
}
