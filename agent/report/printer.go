package report

import (
	"bufio"
	"fmt"
	"io"

	"slips-ips/detection"
)

// Printer prints the tuples of time windows in the form of the original slips:
// a line for the window, and one for each tuple with its number of flows, its
// letters and what it is detected as. It belongs to one goroutine.
type Printer struct {
	w      *bufio.Writer
	colour bool
	cfg    Config
	err    error
}

// NewPrinter makes a printer on w; nil prints nothing.
func NewPrinter(w io.Writer, colour bool, cfg Config) *Printer {
	if w == nil {
		w = io.Discard
		cfg.Tuples = TuplesNone
	}
	return &Printer{w: bufio.NewWriter(w), colour: colour, cfg: cfg}
}

// Wants tells whether windows are printed at all.
func (p *Printer) Wants() bool { return p.cfg.Tuples != TuplesNone }

// The colours of the original: windows cyan, detections magenta, tuples with
// letters for a model yellow, and those too short to be compared red.
const (
	cyan    = "\x1b[36m"
	magenta = "\x1b[35m"
	yellow  = "\x1b[33m"
	red     = "\x1b[31m"
	plain   = "\x1b[0m"
)

// shortFlows is the number of flows below which a tuple has no periodicity.
const shortFlows = 3

// Window prints a window that ended. An error is kept for Flush.
func (p *Printer) Window(w detection.Window) {
	p.line(cyan, fmt.Sprintf("Slot Started: %s, finished: %s. (%d connections)",
		slotTime(w.Start.Time()), slotTime(w.End.Time()), w.Tuples), "")
	for i := range w.Active {
		t := &w.Active[i]
		if p.cfg.Tuples == TuplesDetected && t.Label == "" || t.Flows < uint64(p.cfg.MinLetters) {
			continue
		}
		p.Tuple(t)
	}
}

// Tuple prints one tuple. An error is kept for Flush.
func (p *Printer) Tuple(t *detection.TupleInfo) {
	colour := yellow
	switch {
	case t.Label != "":
		colour = magenta
	case t.Flows < shortFlows:
		colour = red
	}
	// The brackets hold what whois said in the original, when asked to.
	rest := fmt.Sprintf(" [] (%d): %s", t.Flows, t.Letters)
	if t.Label != "" {
		rest += "  Detected as: " + t.Label
	}
	p.line(colour, Plain(t.Tuple.String()), rest)
}

func (p *Printer) line(colour, bright, rest string) {
	if p.err != nil {
		return
	}
	if p.colour {
		bright = colour + bright + plain
	}
	_, p.err = fmt.Fprintf(p.w, "%s%s\n", bright, rest)
}

// Flush writes out what is buffered and gives the first error of all.
func (p *Printer) Flush() error {
	if p.err == nil {
		p.err = p.w.Flush()
	}
	return p.err
}
