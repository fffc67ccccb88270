package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
)

// item is what an output is given: one of event, flows and stats. It is shared
// between outputs and not changed.
type item struct {
	event *history.Event
	held  held
	flows []argusfeed.Flow
	// alerted tells that flows are those of detected tuples.
	alerted bool
	stats   *status.Status
}

// size is how many reports an item is.
func (it *item) size() int {
	if it.flows != nil {
		return len(it.flows)
	}
	return 1
}

// tupleOf gives the tuple that an event is about; ok is false where it is none.
func tupleOf(e *history.Event) (t argusfeed.Tuple, ok bool) {
	switch {
	case e.Decision != nil:
		return e.Decision.Tuple, true
	case e.Block != nil:
		return e.Block.Tuple, true
	case e.Detection != nil:
		return e.Detection.Tuple, true
	}
	return argusfeed.Tuple{}, false
}

// labelOf gives the label that an event is about, or nothing.
func labelOf(e *history.Event) string {
	switch {
	case e.Decision != nil:
		return e.Decision.Label
	case e.Detection != nil:
		return e.Detection.Label
	case e.Block != nil:
		return e.Block.Label
	}
	return ""
}

// blocks tells whether an event says that traffic is dropped from now on.
func blocks(e *history.Event) bool {
	return e.Kind == history.KindBlock && e.Error == "" && !dryRun(e)
}

func dryRun(e *history.Event) bool {
	return e.Block != nil && e.Block.DryRun || e.Block == nil && e.Mode != "enforce"
}

// text tells the item in a line, safe for a terminal.
func (it *item) text() string {
	s := it.event.Text
	if it.event.Error != "" {
		s += ": " + it.event.Error
	}
	if it.held.Count > 0 {
		s += fmt.Sprintf(" (%d more since %s)", it.held.Count, it.held.Since.UTC().Format(time.RFC3339))
	}
	return Plain(s)
}

// json gives the event as docs/schema/event.json has it, on one line.
func (it *item) json() ([]byte, error) {
	e := *it.event
	if e.Detection != nil { // JSON has no number for what is not finite
		d := *e.Detection
		d.Score, d.Threshold = finite(d.Score), finite(d.Threshold)
		e.Detection = &d
	}
	out := struct {
		history.Event
		Held *held `json:"held_back,omitempty"`
	}{Event: e}
	if it.held.Count > 0 {
		out.Held = &it.held
	}
	b, err := marshal(out)
	if err != nil {
		return nil, fmt.Errorf("writing event %s as JSON: %w", e.ID, err)
	}
	return b, nil
}

func finite(f float64) float64 {
	switch {
	case math.IsNaN(f):
		return 0
	case math.IsInf(f, 1):
		return math.MaxFloat64
	case math.IsInf(f, -1):
		return -math.MaxFloat64
	}
	return f
}

// marshal writes JSON on one line without a line end. Control characters beyond
// those that JSON must escape are escaped as well, since terminals obey them.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return escapeControls(bytes.TrimSuffix(buf.Bytes(), []byte{'\n'})), nil
}

// escapeControls escapes DEL and the C1 controls of JSON text, which can stand
// inside strings only.
func escapeControls(b []byte) []byte {
	clean := true
	for i, c := range b {
		if c == 0x7f || c == 0xc2 && i+1 < len(b) && b[i+1] < 0xa0 {
			clean = false
			break
		}
	}
	if clean {
		return b
	}
	out := make([]byte, 0, len(b)+16)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r >= 0x7f && r < 0xa0 {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}
