package lab

import "time"

// Behaviour is one that the original slips shipped a model of: its label, and a
// plan whose traffic has its gaps, sizes, durations and regularity.
type Behaviour struct {
	Label string
	Plan  Plan
	// Evidence is what being like it says, in log-odds; see models.Behaviour.
	Evidence float64
	// AnyPort says that the behaviour was known on no port in particular.
	AnyPort bool
}

// The shares and spreads below were set so that the letters of the traffic have
// about the classes counted in the original's models. Of most of them nothing
// else is known.
const (
	s = time.Second
	m = time.Minute
)

// Behaviours are those of slips 0.2alpha, and Linux.Botnet of 0.3.3alpha.
var Behaviours = []Behaviour{
	{Label: "From-Botnet-TCP-HTTP-CC-23", Plan: Plan{Proto: "tcp", Port: 80, Visits: 183, Period: 24 * s, Jitter: Lognormal, Share: 0.75, Steady: 0.31, Bytes: 3000, Noise: 0.1, Lasts: 2 * s}},
	{Label: "From-Botnet-TCP-HTTP-CC-25", Plan: Plan{Proto: "tcp", Port: 80, Visits: 49, Period: 190 * s, Jitter: Lognormal, Share: 0.5, Steady: 0.5, Bytes: 900, Noise: 0.05, Other: 0.31, OtherBytes: 150, Lasts: s}},
	{Label: "From-Botnet-TCP-HTTP-CC.Bitcoin.Miner-2", Plan: Plan{Proto: "tcp", Port: 80, Visits: 89, Period: 110 * s, Jitter: Lognormal, Share: 0.4, Steady: 0.2, Bytes: 2500, Noise: 0.1, Other: 0.18, OtherBytes: 150, OtherLasts: 5 * s, Lasts: 15 * s}},
	{Label: "From-Botnet-TCP-HTTP-CC.Cridex-1", Plan: Plan{Proto: "tcp", Port: 8080, Visits: 300, Period: 45 * s, Share: 0.005, Bytes: 2200, Noise: 0.02, Lasts: 2 * s}},
	{Label: "From-Botnet-TCP-HTTP-CC.Dridex-7", Plan: Plan{Proto: "tcp", Port: 80, Visits: 115, Burst: 2, Within: 2 * s, Period: 50 * m, Jitter: Lognormal, Share: 0.9, Bytes: 4000, Noise: 0.4, Other: 0.14, OtherBytes: 4000, OtherLasts: 14 * s, Lasts: 3 * s}},
	{Label: "From-Botnet-TCP-HTTP-CC.Miuref.Attempt-4", Plan: Plan{Proto: "tcp", Port: 80, Visits: 300, Period: 140 * s, Jitter: Alternate, Share: 0.07, Missing: 0.07, Outcome: Silent, Lasts: 3 * s}},
	{Label: "From-Botnet-TCP-HTTP-CC.PlainText-1", Plan: Plan{Proto: "tcp", Port: 80, Visits: 53, Period: 180 * s, Jitter: Lognormal, Share: 0.5, Steady: 0.88, Again: 0.02, Within: 2 * s, Bytes: 200, Noise: 0.05, Lasts: s}},
	{Label: "From-Botnet-TCP-HTTP-Flu.CC-3", Plan: Plan{Proto: "tcp", Port: 80, Visits: 300, Period: 40 * s, Share: 0.01, Bytes: 1500, Noise: 0.02, Lasts: 10400 * time.Millisecond}},
	{Label: "From-Botnet-TCP-HTTP-Zeus.CC-1", Plan: Plan{Proto: "tcp", Port: 80, Visits: 300, Period: 2 * m, Share: 0.008, Bytes: 3000, Noise: 0.05, Lasts: 20 * s}},
	{Label: "From-Botnet-TCP-Unknown-CC-10", AnyPort: true, Plan: Plan{Proto: "tcp", Port: 5678, Visits: 17, Period: 20 * m, Share: 0.01, Bytes: 3000, Noise: 0.05, Lasts: s}},
	{Label: "From-Botnet-TCP-Unknown-CC.Attempt-2", AnyPort: true, Plan: Plan{Proto: "tcp", Port: 4444, Visits: 300, Period: 30 * s, Share: 0.008, Outcome: Silent, Lasts: 3 * s}},
	{Label: "From-Botnet-TCP-Unknown-Linux.Botnet-1", AnyPort: true, Plan: Plan{Proto: "tcp", Port: 6667, Visits: 300, Period: 30 * s, Share: 0.12, Bytes: 1500, Noise: 0.05, Lasts: s}},
	{Label: "From-Botnet-TCP-Unknown-Lurk.CC-1", AnyPort: true, Plan: Plan{Proto: "tcp", Port: 3333, Visits: 43, Period: 30 * m, Share: 0.01, Bytes: 200, Noise: 0.05, Lasts: 13 * s}},
	{Label: "From-Botnet-UDP-DNS-DGA-1", Evidence: 5, Plan: Plan{Proto: "udp", Port: 53, Visits: 300, Period: s, Share: 0.065, Bytes: 300, Noise: 0.1, Lasts: 95 * time.Millisecond}},
	{Label: "From-Botnet-UDP-DNS-DGA-17", Evidence: 5, Plan: Plan{Proto: "udp", Port: 53, Visits: 300, Period: s, Share: 0.012, Bytes: 110, Noise: 0.1, Other: 0.23, OtherBytes: 300, Lasts: 40 * time.Millisecond}},
	{Label: "From-Botnet-UDP-DNS-DGA-18", Evidence: 5, Plan: Plan{Proto: "udp", Port: 53, Visits: 300, Period: 25 * m, Share: 0.01, Again: 0.14, Within: s, Bytes: 110, Noise: 0.05, Other: 0.11, OtherBytes: 110, OtherLasts: 300 * time.Millisecond, Lasts: 40 * time.Millisecond}},
	{Label: "From-Normal-TCP-HTTP-LastFM-30", Evidence: 0.5, Plan: Plan{Proto: "tcp", Port: 80, Visits: 117, Period: 31 * s, Share: 0.004, Bytes: 1200, Noise: 0.02, Lasts: 300 * time.Millisecond}},
	{Label: "From-Normal-TCP-HTTP-WebPage-1", Evidence: 1.5, Plan: Plan{Proto: "tcp", Port: 80, Visits: 93, Period: 800 * time.Millisecond, Jitter: Lognormal, Share: 1.1, Bytes: 20_000, Noise: 0.8, Lasts: 3 * s}},
}
