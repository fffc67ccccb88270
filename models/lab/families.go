package lab

import (
	"math"
	"math/rand/v2"
	"time"
)

// Families are the kinds of beacons that Family makes. They are what is
// published of implants in general, none of one malware: a classifier that
// learns from them as well as from captures is not tied to the few families
// that the captures have.
var Families = []string{"regular", "jittered", "shortened", "slow", "paired", "attempt", "session"}

// Family makes a random plan of a family: period, jitter, missing beats, sizes
// and tasks differ from seed to seed.
func Family(name string, seed uint64) Plan {
	rng := rand.New(rand.NewPCG(seed, uint64(len(name))<<8|uint64(name[0]))) //nolint:gosec // the same again is what it is for
	between := func(low, high float64) float64 {
		return math.Exp(math.Log(low) + rng.Float64()*(math.Log(high)-math.Log(low)))
	}
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	p := Plan{
		Proto: "tcp", Port: pick[uint16](rng, 80, 443, 8080, 443, 80, 4444, 5552, 1337, 8443, 6667, 9001),
		Period: seconds(between(2, 6*3600)), Visits: int(between(10, 150)),
		Missing: pick(rng, 0, 0, 0.05, 0.15, 0.25),
		Tasks:   pick(rng, 0, 0.03, 0.1, 0.2), TaskBytes: 60_000,
		Bytes: int(between(300, 12_000)), Noise: pick(rng, 0, 0.005, 0.02, 0.05, 0.15, 0.3),
		Lasts: seconds(pick(rng, 0.05, 0.3, 2)),
	}
	switch name {
	case "regular":
		p.Share = pick(rng, 0, 0.01, 0.03)
	case "jittered":
		p.Share = pick(rng, 0.1, 0.15, 0.2, 0.25, 0.3)
	case "shortened":
		p.Jitter, p.Share = Shortened, pick(rng, 0.1, 0.2, 0.37, 0.5)
	case "slow":
		p.Period, p.Visits = seconds(between(3600, 30_000)), 8+rng.IntN(32)
		p.Share = pick(rng, 0, 0.05, 0.15)
		p.Burst, p.Within = pick(rng, 1, 2), seconds(between(0.1, 5))
	case "paired":
		p.Burst, p.Within = 2, seconds(between(0.1, 2))
		p.Share = pick(rng, 0, 0.1, 0.2)
	case "attempt":
		p.Outcome, p.Tasks, p.Noise = pick(rng, Refused, Silent), 0, 0
		p.Share, p.Port = pick(rng, 0, 0.05, 0.2), pick[uint16](rng, 80, 443, 1177, 4444, 8080)
		p.Lasts = seconds(pick(rng, 0.2, 3))
	case "session":
		p.Period, p.Visits = seconds(between(0.7, 20)), 30+rng.IntN(370)
		p.Jitter, p.Share = Lognormal, pick(rng, 0.3, 0.6)
		p.Tasks, p.Noise, p.Pause, p.PauseUpTo = 0.4, 0.4, 0.02, 5*time.Minute
		p.Port = pick[uint16](rng, 443, 5888, 4444, 1604, 80, 2404)
	}
	return p
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }
