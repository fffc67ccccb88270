package main

import (
	"fmt"
	"slices"
	"strings"
)

// kind is a kind of conversation and how often it comes, beside the others of a
// mix.
type kind struct {
	weight int
	make   func() *conversation
}

// mixes are the kinds of traffic: an office of some hundred clients; the same with a
// scan of all the world, of which most tuples are; tuples that are never seen again,
// each answered, of many hosts.
var mixes = []string{"office", "scan", "once"}

func (t *traffic) mix(name string) []kind {
	office := []kind{
		{360, t.web}, {190, t.lookup}, {130, t.visitor}, {90, t.scan}, {50, t.worm}, {70, t.quic},
		{40, t.ping}, {30, t.ntp}, {25, t.mail}, {14, t.unanswered}, {1, t.shell},
	}
	switch name {
	case "scan":
		return append(office, kind{4000, t.worm})
	case "once":
		return []kind{{1, t.once}}
	}
	return office
}

// checkMix tells whether there is such a mix.
func checkMix(name string) error {
	if !slices.Contains(mixes, name) {
		return fmt.Errorf("there is no mix %q; use %s", name, strings.Join(mixes, ", "))
	}
	return nil
}

// once is a question of one of 60,000 hosts to somebody whom hardly anybody asks,
// and the answer.
func (t *traffic) once() *conversation {
	return t.udp(client(uint64(t.r.IntN(60_000))), t.anybody(), uint16(1024+t.r.IntN(60_000)),
		step{size: 40 + t.r.IntN(100)}, step{pause: 20_000, back: true, size: t.heavy(60, 1200)})
}
