package models

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
)

// pickler writes pickles of protocol 0 as Python 2 does, for tests.
type pickler struct {
	bytes.Buffer
	memo int
}

func (p *pickler) put() string {
	p.memo++
	fmt.Fprintf(p, "p%d\n", p.memo)
	return fmt.Sprint(p.memo)
}

// stop ends a pickle; the next one starts with an empty memo.
func (p *pickler) stop() { p.WriteString("."); p.memo = 0 }

func (p *pickler) global(module, name string) { fmt.Fprintf(p, "c%s\n%s\n", module, name) }

func (p *pickler) str(s string) { fmt.Fprintf(p, "S%s\n", repr(s)) }

// instance writes the call that makes a dict of a class; entries writes what
// is in the dict.
func (p *pickler) instance(module, class string, entries func()) {
	p.global("copy_reg", "_reconstructor")
	p.put()
	p.WriteString("(")
	p.global(module, class)
	p.put()
	p.global("__builtin__", "dict")
	p.put()
	p.WriteString("(d")
	p.put()
	entries()
	p.WriteString("tR")
	p.put()
}

func (p *pickler) vector(letters string) {
	n := make(map[byte]int)
	for i := range len(letters) {
		n[letters[i]]++
	}
	for c := range n {
		p.str(string(rune(c)))
		fmt.Fprintf(p, "F%.17g\ns", float64(n[c])/float64(len(letters)))
	}
}

func (p *pickler) transitions(letters string) {
	seen := make(map[string]bool)
	for i := range max(0, len(letters)-1) {
		if pair := letters[i : i+2]; !seen[pair] {
			seen[pair] = true
			p.WriteString("(")
			p.str(pair[:1])
			p.str(pair[1:])
			p.WriteString("t")
			p.put()
			p.WriteString("F0.5\ns")
		}
	}
}

// repr quotes as Python 2 does.
func repr(s string) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b := []byte{quote}
	for i := range len(s) {
		switch c := s[i]; {
		case c == quote || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < 0x20 || c >= 0x7f:
			b = fmt.Appendf(b, `\x%02x`, c)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, quote))
}

// Thresholds as they are written in .stfm files.
func floatThreshold(p *pickler, t float64) { fmt.Fprintf(p, "F%.17g\n", t) }

func intThreshold(p *pickler, t float64) { fmt.Fprintf(p, "I%d\n", int(t)) }

func numpyThreshold(p *pickler, t float64) {
	p.global("numpy.core.multiarray", "scalar")
	p.put()
	p.WriteString("(")
	p.global("numpy", "dtype")
	p.put()
	p.WriteString("(S'f8'\nI0\nI1\ntR")
	p.put()
	p.WriteString("(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb")
	var raw []byte
	for bits, i := math.Float64bits(t), 0; i < 8; i++ {
		raw = append(raw, byte(bits>>(8*i)))
	}
	p.str(string(raw))
	p.WriteString("tR")
	p.put()
}

// parts gives the six objects of a file as slips 0.3.3 writes them.
func parts033(letters, label string, threshold func(*pickler, float64), t float64) [][]byte {
	return objects(
		func(p *pickler) { p.WriteString("(d"); p.put(); p.vector(letters) },
		func(p *pickler) {
			p.instance("stf.common.markov_chains", "Matrix", func() { p.transitions(letters) })
			p.WriteString("(d")
			p.put()
			p.str("itemlist")
			p.put()
			p.WriteString("(l")
			p.put()
			p.WriteString("s")
			p.str("init_vector")
			p.put()
			p.WriteString("(d")
			p.put()
			p.vector(letters)
			p.WriteString("sb")
		},
		func(p *pickler) { p.str(letters); p.put() },
		func(p *pickler) { p.WriteString("F-302.40619917756732\n") },
		func(p *pickler) { p.str(label); p.put() },
		func(p *pickler) { threshold(p, t) },
	)
}

// parts02 gives them as slips 0.2 does.
func parts02(letters, label string, threshold func(*pickler, float64), t float64) [][]byte {
	return objects(
		func(p *pickler) { p.instance("pykov", "Vector", func() { p.vector(letters) }) },
		func(p *pickler) {
			p.instance("pykov", "Chain", func() { p.transitions(letters) })
			p.WriteString("(d")
			p.put()
			p.str("_guess")
			p.put()
			p.WriteString("g1\n(")
			p.global("pykov", "Vector")
			p.put()
			p.WriteString("g3\n(d")
			p.put()
			p.vector(letters)
			p.WriteString("tR")
			p.put()
			p.WriteString("sb")
		},
		func(p *pickler) { p.str(letters); p.put() },
		func(p *pickler) { p.WriteString("I00\n") },
		func(p *pickler) { p.str(label); p.put() },
		func(p *pickler) { threshold(p, t) },
	)
}

func objects(write ...func(*pickler)) [][]byte {
	var parts [][]byte
	for _, w := range write {
		p := new(pickler)
		w(p)
		p.stop()
		parts = append(parts, p.Bytes())
	}
	return parts
}

// with gives the file of parts with part n, from 1, replaced.
func with(parts [][]byte, n int, part string) []byte {
	parts = slices.Clone(parts)
	parts[n-1] = []byte(part)
	return bytes.Join(parts, nil)
}

const (
	testLetters = "88,h,h,h,H,y,Y+y+0r*h."
	testLabel   = "From-Botnet-TCP-HTTP-Test.CC-1"
)
