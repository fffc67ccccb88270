package main

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"
)

// step is a packet of a conversation and the pause before it.
type step struct {
	pause int64 // microseconds
	back  bool  // from the destination
	flags byte
	size  int
}

// conversation is what two hosts say to each other. After begin, body is said
// rounds times, then end.
type conversation struct {
	at           int64
	src, dst     host
	proto        byte
	sport, dport uint16
	seq          [2]uint32
	begin, body  []step
	rounds       int
	end          []step
	// again begins the next conversation when this one is over, as a beacon does.
	again func(now int64) *conversation
}

// next gives the packet that is due, and moves on; ok is false after the last.
func (c *conversation) next(k *packet) (ok bool) {
	s := c.begin[0]
	c.begin = c.begin[1:]
	from, to := 0, 1
	*k = packet{src: c.src, dst: c.dst, proto: c.proto, sport: c.sport, dport: c.dport, flags: s.flags, size: s.size}
	if s.back {
		from, to = 1, 0
		k.src, k.dst, k.sport, k.dport = c.dst, c.src, c.dport, c.sport
		if c.proto == protoICMP { // an echo reply to the same number
			k.sport, k.dport = 0, c.dport
		}
	}
	k.seq, k.ack = c.seq[from], c.seq[to]
	if c.proto == protoICMP {
		k.seq = c.seq[0]
		return c.move()
	}
	c.seq[from] += uint32(s.size)
	if s.flags&(syn|fin) != 0 {
		c.seq[from]++
	}
	return c.move()
}

// move turns to the next packet.
func (c *conversation) move() (ok bool) {
	if len(c.begin) == 0 && c.rounds > 0 {
		c.begin = c.body
		c.rounds--
	}
	if len(c.begin) == 0 {
		c.begin, c.end = c.end, nil
	}
	if len(c.begin) == 0 {
		return false
	}
	c.at += c.begin[0].pause
	return true
}

// queue holds the conversations that go on, the one with the next packet first.
type queue []*conversation

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(c any)        { *q = append(*q, c.(*conversation)) }
func (q *queue) Pop() any {
	old := *q
	c := old[len(old)-1]
	*q = old[:len(old)-1]
	return c
}

// The size of the network, and how busy it is.
const (
	clients    = 600
	ourServers = 6
	servers    = 30_000 // of others
	beacons    = 60
	perSecond  = 110 // conversations that begin

	// firstPacket is when the traffic begins.
	firstPacket int64 = 1_700_000_000_000_000
)

// traffic is an office of some hundred clients that never closes: its packets in
// the order of time, the same ones for the same seed.
type traffic struct {
	r       *rand.Rand
	now     int64
	going   queue
	popular *rand.Zipf // servers
	busy    *rand.Zipf // clients
	port    uint16
	kinds   []kind
	all     int // of their weights
}

// newTraffic gives the traffic of a mix; see mixes.
func newTraffic(seed uint64, mix string) *traffic {
	r := rand.New(rand.NewPCG(seed, 0x666c6f7762656e63))
	t := &traffic{
		r: r, now: firstPacket,
		popular: rand.NewZipf(r, 1.1, 4, servers-1),
		busy:    rand.NewZipf(r, 1.2, 40, clients-1),
	}
	t.kinds = t.mix(mix)
	for _, k := range t.kinds {
		t.all += k.weight
	}
	for i := range beacons {
		heap.Push(&t.going, t.beacon(i, t.now))
	}
	return t
}

// next gives the next packet and its time.
func (t *traffic) next(k *packet) (at int64) {
	for len(t.going) == 0 || t.going[0].at > t.now {
		t.arrive()
	}
	c := t.going[0]
	at = c.at
	if c.next(k) {
		heap.Fix(&t.going, 0)
		return at
	}
	heap.Pop(&t.going)
	if c.again != nil {
		heap.Push(&t.going, c.again(c.at))
	}
	return at
}

// arrive lets time pass until a conversation begins.
func (t *traffic) arrive() {
	t.now += int64(t.r.ExpFloat64() * 1e6 / perSecond)
	n := t.r.IntN(t.all)
	for _, kind := range t.kinds {
		if n -= kind.weight; n < 0 {
			heap.Push(&t.going, kind.make())
			return
		}
	}
}

func (t *traffic) chance(p float64) bool { return t.r.Float64() < p }

// heavy gives a number from least on with a long tail, most at most.
func (t *traffic) heavy(least, most int) int {
	return min(most, int(float64(least)*math.Pow(1-t.r.Float64(), -0.8)))
}

func (t *traffic) sport() uint16 {
	if t.port++; t.port < 20_000 {
		t.port = 20_000
	}
	return t.port
}

func client(n uint64) host { return v4(10, 0, byte(n>>8), byte(n)) }

func server(n uint64) host {
	n = (n*2654435761 + 7) & 0xffffff // scattered, each n another one
	return v4(byte(64+n>>16&63), byte(n>>16), byte(n>>8), byte(n))
}

func (t *traffic) anybody() host { return v4(byte(64+t.r.IntN(100)), t.byte(), t.byte(), t.byte()) }

func (t *traffic) byte() byte { return byte(t.r.Uint32()) }

// ends gives a client and a server, of IPv6 now and then.
func (t *traffic) ends() (src, dst host) {
	c, s := t.busy.Uint64(), t.popular.Uint64()
	if s%12 == 3 {
		return v6(1, uint32(c)), v6(uint16(2+s), 1)
	}
	return client(c), server(s)
}

// begin gives a conversation without its packets.
func (t *traffic) begin(proto byte, src, dst host, dport uint16) *conversation {
	return &conversation{
		at: t.now, src: src, dst: dst, proto: proto, sport: t.sport(), dport: dport,
		seq: [2]uint32{t.r.Uint32(), t.r.Uint32()},
	}
}

// tcp gives a connection with so many requests and answers of up to so many
// packets, and how it is closed.
func (t *traffic) tcp(src, dst host, dport uint16, requests, packets int, think time.Duration) *conversation {
	c := t.begin(protoTCP, src, dst, dport)
	rtt := 2000 + t.r.Int64N(80_000)
	c.begin = append(c.begin, step{flags: syn}, step{rtt, true, syn | ack, 0}, step{300, false, ack, 0})
	for i := range requests {
		pause := int64(500)
		if i > 0 {
			pause = spread(t.r, think)
		}
		c.begin = append(c.begin, step{pause, false, psh | ack, t.heavy(120, 1400)})
		for j := range t.heavy(1, packets) {
			pause := int64(200)
			if j == 0 {
				pause = rtt
			}
			c.begin = append(c.begin, step{pause, true, psh | ack, t.heavy(150, 1448)})
			if j%2 == 1 {
				c.begin = append(c.begin, step{50, false, ack, 0})
			}
		}
	}
	switch n := t.r.IntN(100); {
	case n < 84:
		c.end = append(c.end, step{2000, false, fin | ack, 0}, step{rtt, true, fin | ack, 0}, step{100, false, ack, 0})
	case n < 90: // kept open for a while
		c.end = append(c.end, step{spread(t.r, 30*time.Second), true, fin | ack, 0}, step{rtt, false, fin | ack, 0},
			step{100, true, ack, 0})
	case n < 96:
		c.end = append(c.end, step{2000, t.chance(0.5), rst | ack, 0})
	}
	return c
}

func (t *traffic) web() *conversation {
	src, dst := t.ends()
	port := uint16(443)
	if t.chance(0.12) {
		port = 80
	}
	return t.tcp(src, dst, port, 1+t.r.IntN(3), 16, 400*time.Millisecond)
}

func (t *traffic) udp(src, dst host, dport uint16, steps ...step) *conversation {
	c := t.begin(protoUDP, src, dst, dport)
	c.begin = steps
	return c
}

// lookup asks one of two resolvers for a name, and now and then gets no answer.
func (t *traffic) lookup() *conversation {
	question := step{size: 28 + t.r.IntN(30)}
	resolver := v4(10, 0, 255, byte(53+t.r.IntN(2)))
	if t.chance(0.02) {
		again := question
		again.pause = 5e6
		return t.udp(client(t.busy.Uint64()), resolver, 53, question, again)
	}
	return t.udp(client(t.busy.Uint64()), resolver, 53, question,
		step{pause: 300 + t.r.Int64N(30_000), back: true, size: 60 + t.heavy(40, 900)})
}

// visitor is somebody on the Internet who visits our servers.
func (t *traffic) visitor() *conversation {
	return t.tcp(t.anybody(), v4(192, 0, 2, byte(1+t.r.IntN(ourServers))), 443, 1+t.r.IntN(2), 12, 300*time.Millisecond)
}

// scan is one of a few scanners on the Internet; most addresses are empty.
func (t *traffic) scan() *conversation {
	c := t.begin(protoTCP, v4(198, 51, 100, byte(1+t.r.IntN(20))), v4(192, 0, 2, t.byte()), uint16(1+t.r.IntN(10_000)))
	c.begin = append(c.begin, step{flags: syn})
	if t.chance(0.2) {
		c.begin = append(c.begin, step{800, true, rst | ack, 0})
	}
	return c
}

// worm is a client of ours that looks for others of its kind.
func (t *traffic) worm() *conversation {
	c := t.begin(protoTCP, client(uint64(77+t.r.IntN(2))), t.anybody(), 445)
	c.begin = append(c.begin, step{flags: syn})
	return c
}

func (t *traffic) quic() *conversation {
	src, dst := t.ends()
	c := t.udp(src, dst, 443, step{size: 1200}, step{pause: 20_000, back: true, size: 1200})
	for range t.heavy(2, 20) {
		c.begin = append(c.begin, step{pause: spread(t.r, 30*time.Millisecond), back: t.chance(0.7), size: t.heavy(60, 1200)})
	}
	return c
}

func (t *traffic) ping() *conversation {
	src, dst := t.ends()
	if src.six {
		src, dst = client(uint64(t.r.IntN(clients))), server(0)
	}
	c := t.begin(protoICMP, src, dst, t.sport())
	c.sport = 8 << 8 // type and code
	c.begin = append(c.begin, step{size: 56})
	if t.chance(0.9) {
		c.begin = append(c.begin, step{pause: 1000 + t.r.Int64N(40_000), back: true, size: 56})
	}
	return c
}

func (t *traffic) ntp() *conversation {
	c := t.udp(client(t.busy.Uint64()), server(uint64(t.r.IntN(4))), 123, step{size: 48}, step{pause: 15_000, back: true, size: 48})
	c.sport = 123
	return c
}

func (t *traffic) mail() *conversation {
	port := []uint16{25, 587, 993}[t.r.IntN(3)]
	return t.tcp(client(t.busy.Uint64()), v4(192, 0, 2, 1), port, 4+t.r.IntN(6), 4, 100*time.Millisecond)
}

// unanswered is a connection to a server that is off.
func (t *traffic) unanswered() *conversation {
	src, dst := t.ends()
	c := t.begin(protoTCP, src, dst, 443)
	c.begin = append(c.begin, step{flags: syn}, step{1e6, false, syn, 0}, step{2e6, false, syn, 0}, step{4e6, false, syn, 0})
	return c
}

// shell is a long connection in which something happens now and then.
func (t *traffic) shell() *conversation {
	c := t.tcp(client(t.busy.Uint64()), server(t.popular.Uint64()), 22, 2, 4, time.Second)
	c.rounds = t.heavy(40, 2000)
	c.body = []step{
		{spread(t.r, 4*time.Second), false, psh | ack, 48}, {20_000, true, psh | ack, 96}, {1000, false, ack, 0},
	}
	return c
}

// beacon is a client of ours that reports to its master in a steady rhythm.
func (t *traffic) beacon(i int, now int64) *conversation {
	periods := []time.Duration{30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute}
	period := periods[i%len(periods)].Microseconds()
	jitter := int64(float64(period) * 0.1 * t.r.Float64() * float64(i%3))
	c := t.tcp(client(uint64(i*7)), v4(203, 0, 113, byte(i)), 443, 1, 1, time.Second)
	c.at = now + period + jitter
	c.again = func(now int64) *conversation { return t.beacon(i, now) }
	return c
}
