package lab

import (
	"math"
	"math/rand/v2"
	"time"
)

// Outcome is how a connection ends.
type Outcome int

// The outcomes.
const (
	Answered Outcome = iota // data is exchanged
	Refused                 // reset by the destination
	Silent                  // no answer at all
)

// Jitter says how gaps differ from the period.
type Jitter int

// The kinds of jitter.
const (
	Uniform   Jitter = iota // by up to the share, both ways
	Shortened               // shorter by up to the share, as Cobalt Strike does
	Lognormal               // by a factor of that spread: a person, or a queue
	Alternate               // longer and shorter by the share in turn
)

// Plan is one behaviour of one client towards one server.
type Plan struct {
	// Proto is "tcp" or "udp", Port the destination port.
	Proto string
	Port  uint16
	// Period is the time between visits, Jitter and Share how it varies, Missing
	// the probability that a beat is left out.
	Period  time.Duration
	Jitter  Jitter
	Share   float64
	Missing float64
	// Steady is the probability that a gap is the one before again.
	Steady float64
	// Visits is how many there are, Burst how many connections each has, and
	// Within the time between these.
	Visits, Burst int
	Within        time.Duration
	// Again is the probability that a visit is followed by another one Within.
	Again float64
	// Bytes is the payload of a connection, both ways, Noise the spread of its
	// logarithm, Tasks the share of visits that carry up to TaskBytes more.
	Bytes     int
	Noise     float64
	Tasks     float64
	TaskBytes int
	// Lasts is how long a connection lasts.
	Lasts time.Duration
	// Other is the share of visits that have OtherBytes and, where it is set,
	// last for OtherLasts instead.
	Other      float64
	OtherBytes int
	OtherLasts time.Duration
	Outcome    Outcome
	// Pause is the probability that after a visit there is silence for up to
	// PauseUpTo: a machine that sleeps.
	Pause     float64
	PauseUpTo time.Duration
}

// Connection is one of a plan, at its time after the beginning.
type Connection struct {
	At, Lasts time.Duration
	// Up and Down are payload bytes.
	Up, Down int
	Outcome  Outcome
	// Sport is the source port.
	Sport uint16
}

// firstPort is where source ports begin.
const firstPort = 32768

// Connections gives what a plan does.
func (p Plan) Connections(seed uint64) []Connection {
	rng := rand.New(rand.NewPCG(seed, 0x51195)) //nolint:gosec // the same again is what it is for
	var all []Connection
	at := time.Duration(rng.Float64() * float64(p.Period))
	var gap time.Duration
	sport := uint16(firstPort + rng.IntN(20000))
	for i := range p.Visits {
		if i > 0 {
			if i == 1 || rng.Float64() >= p.Steady {
				gap = p.gap(i, rng)
			}
			at += gap
			if rng.Float64() < p.Again {
				at += p.Within - gap
			}
		}
		size, lasts := p.Bytes, p.Lasts
		if rng.Float64() < p.Other {
			size = p.OtherBytes
			if p.OtherLasts > 0 {
				lasts = p.OtherLasts
			}
		}
		extra := 0
		if rng.Float64() < p.Tasks {
			extra = int(math.Exp(rng.Float64() * math.Log(float64(max(2, p.TaskBytes)))))
		}
		for k := range max(1, p.Burst) {
			bytes := float64(size) * math.Exp(p.Noise*rng.NormFloat64())
			total := int(bytes) + extra
			extra = 0
			sport++
			all = append(all, Connection{
				At: at + time.Duration(k)*p.Within, Lasts: time.Duration(float64(lasts) * (0.9 + 0.2*rng.Float64())),
				Up: total / 4, Down: total - total/4, Outcome: p.Outcome, Sport: sport,
			})
		}
	}
	return all
}

// gap gives the time to visit i.
func (p Plan) gap(i int, rng *rand.Rand) time.Duration {
	gap := float64(p.Period)
	switch p.Jitter {
	case Uniform:
		gap *= 1 + p.Share*(2*rng.Float64()-1)
	case Shortened:
		gap *= 1 - p.Share*rng.Float64()
	case Lognormal:
		gap *= math.Exp(p.Share * rng.NormFloat64())
	case Alternate:
		gap *= 1 + p.Share*float64(2*(i%2)-1)
	}
	for rng.Float64() < p.Missing {
		gap += float64(p.Period)
	}
	if rng.Float64() < p.Pause {
		gap += rng.Float64() * float64(p.PauseUpTo)
	}
	return time.Duration(gap)
}
