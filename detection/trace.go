package detection

import (
	"io"
	"strconv"

	"slips-ips/argusfeed"
)

// TraceWriter writes what a detector does as JSON, one line for each line of
// the feed, with the fields and names of the expected results of the original
// slips 0.3.3alpha. Bytes of tuples above 127 are written as Latin-1. It writes
// once a line, is owned by one goroutine, and keeps the first error.
type TraceWriter struct {
	w   io.Writer
	b   []byte
	err error
	// dontDetect lists all tuples at the end of a slot, as the original did
	// with -D.
	dontDetect bool
	started    bool
	lines      uint64
}

// NewTraceWriter makes a writer; dontDetect says that detection is off.
func NewTraceWriter(w io.Writer, dontDetect bool) *TraceWriter {
	return &TraceWriter{w: w, dontDetect: dontDetect}
}

// Err gives the first error of writing.
func (t *TraceWriter) Err() error { return t.err }

// Config writes the line that begins a trace: how d is set up.
func (t *TraceWriter) Config(d *Detector) {
	t.raw(`{"event":"config","width_min":`).float(d.cfg.Width.Minutes())
	t.raw(`,"dontdetect":`).bool(t.dontDetect)
	t.raw(`,"amount":`).int(d.cfg.MinLetters)
	t.raw(`,"scoring":`).text(string(d.scoring))
	t.raw(`,"models":[`)
	for i := range d.models {
		m := &d.models[i]
		t.comma(i)
		t.raw(`{"i":`).int(i)
		t.raw(`,"file":`).text(m.File)
		t.raw(`,"label":`).text(m.Label)
		t.raw(`,"threshold":`).float(m.Threshold)
		t.raw(`,"proto":`).text(m.Proto)
		t.raw(`,"malicious":`).bool(!isNormal(m, d.reference()))
		t.raw(`,"state_len":`).int(len(m.Letters))
		t.raw("}")
	}
	t.raw("]}").flush()
}

// Skipped writes that a line of the feed is no flow, and what it is.
func (t *TraceWriter) Skipped(line uint64, kind string) {
	event := "skipped"
	if !t.started {
		event = "skipped_before_first"
	}
	t.head(line, !t.started)
	t.raw(`,"kind":`).text(kind)
	t.tail(event)
}

// Step writes a step; use it as Hooks.OnStep.
func (t *TraceWriter) Step(s *Step) {
	t.head(s.Line, s.First)
	if s.Ended != nil {
		t.slotEnd(s.Ended)
	}
	switch s.Event {
	case EventFlow, EventNewSlot:
		t.started = true
		t.flow(s)
	case EventDropped:
		t.raw(`,"reason":`).text(s.Reason)
	case EventFinal:
	}
	if s.Event == EventNewSlot {
		t.raw(`,"slot_start":`).slot(s.Start, s.End)
		t.raw("}")
	}
	t.tail(string(s.Event))
}

// End writes the line that ends a trace.
func (t *TraceWriter) End(d *Detector) {
	t.raw(`{"event":"end","lines":`).uint(t.lines)
	t.raw(`,"tuples_known":`).int(d.tuples.len())
	t.raw("}").flush()
}

// head begins a line, tail ends it.
func (t *TraceWriter) head(line uint64, first bool) {
	t.lines = max(t.lines, line)
	t.raw(`{"line":`)
	if line > 0 {
		t.uint(line)
	} else {
		t.raw("null")
	}
	if first {
		t.raw(`,"first":true`)
	}
}

func (t *TraceWriter) tail(event string) {
	t.raw(`,"event":`).text(event)
	t.raw("}").flush()
}

// flow writes the fields of a flow that was taken.
func (t *TraceWriter) flow(s *Step) {
	t.raw(`,"tuple":`).tuple(s.Tuple)
	t.raw(`,"n":`).uint(s.N)
	t.raw(`,"state":`).text(string(s.Letters))
	if s.Unsorted {
		t.raw(`,"unsorted":true`)
	}
	t.raw(`,"TD":`).number(s.Ratio, s.Gaps == 2, "false")
	t.raw(`,"T1":`).number(s.T1, s.Gaps == 2, "null")
	t.raw(`,"T2":`).number(s.T2, s.Gaps >= 1, "null")
	t.raw(`,"cmp":[`)
	for i, c := range s.Compared {
		t.comma(i)
		t.raw("[").int(c.Model)
		for _, v := range []float64{c.Train, c.Test, c.Distance} {
			t.raw(",").float(v)
		}
		t.raw("]")
	}
	t.raw(`],"win":`)
	if s.Won {
		t.raw(`{"i":`).int(s.Winner)
		t.raw(`,"label":`).text(s.Label)
		t.raw(`,"malicious":`).bool(s.Malicious)
		t.raw(`,"len":`).int(len(s.Letters))
		t.raw("}")
	} else {
		t.raw("null")
	}
	if s.Ties > 0 {
		t.raw(`,"ties":`).int(s.Ties)
	}
	detected := s.Won && s.Malicious
	t.raw(`,"detected":`)
	if detected {
		t.text(s.Label)
	} else {
		t.raw("null")
	}
	t.raw(`,"would_print":`).bool(detected || t.dontDetect)
}

// slotEnd writes the slot that ended.
func (t *TraceWriter) slotEnd(w *Window) {
	t.raw(`,"slot_end":`).slot(w.Start, w.End)
	t.raw(`,"connections":`).int(w.Connections)
	t.raw(`,"tuples_known":`).int(w.Known)
	t.raw(`,"printed":[`)
	n := 0
	for i := range w.Active {
		a := &w.Active[i]
		if a.Label == "" && !t.dontDetect {
			continue
		}
		t.comma(n)
		n++
		t.raw("[").tuple(a.Tuple)
		t.raw(",").uint(a.Flows)
		t.raw(",")
		if a.Label == "" {
			t.raw("null")
		} else {
			t.text(a.Label)
		}
		t.raw(",").text(a.Letters)
		t.raw("]")
	}
	t.raw(`],"evicted":[`)
	for i, tuple := range w.Forgotten {
		t.comma(i)
		t.tuple(tuple)
	}
	t.raw("]}")
}

// slot begins an object with the bounds of a slot.
func (t *TraceWriter) slot(start, end argusfeed.Time) {
	t.raw(`{"start":`).moment(start)
	t.raw(`,"end":`).moment(end)
}

func (t *TraceWriter) tuple(tuple argusfeed.Tuple) { t.text(tuple.String()) }

func (t *TraceWriter) uint(n uint64) { t.b = strconv.AppendUint(t.b, n, 10) }
func (t *TraceWriter) int(n int)     { t.b = strconv.AppendInt(t.b, int64(n), 10) }
func (t *TraceWriter) bool(v bool)   { t.b = strconv.AppendBool(t.b, v) }
