package report

import (
	"hash/fnv"
	"strings"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
)

// eveTime is the form of Suricata's timestamps.
const eveTime = "2006-01-02T15:04:05.000000-0700"

// eveWriter makes EVE events. The names of fields are Suricata's; what it has
// none for is under slips.
type eveWriter struct {
	host   string
	source func(n uint16) (url, iface string)
}

// eveEvent is one line.
type eveEvent struct {
	Timestamp string         `json:"timestamp"`
	FlowID    uint64         `json:"flow_id,omitempty"`
	InIface   string         `json:"in_iface,omitempty"`
	EventType string         `json:"event_type"`
	SrcIP     string         `json:"src_ip,omitempty"`
	DestIP    string         `json:"dest_ip,omitempty"`
	DestPort  *uint16        `json:"dest_port,omitempty"`
	Proto     string         `json:"proto,omitempty"`
	Alert     *eveAlert      `json:"alert,omitempty"`
	Drop      *eveDrop       `json:"drop,omitempty"`
	Stats     map[string]any `json:"stats,omitempty"`
	Host      string         `json:"host,omitempty"`
	Slips     *eveSlips      `json:"slips,omitempty"`
}

type eveAlert struct {
	Action      string              `json:"action"` // allowed or blocked
	GID         int                 `json:"gid"`
	SignatureID uint32              `json:"signature_id"`
	Rev         int                 `json:"rev"`
	Signature   string              `json:"signature"`
	Category    string              `json:"category"`
	Severity    int                 `json:"severity"` // 1 is the worst
	Metadata    map[string][]string `json:"metadata,omitempty"`
}

type eveDrop struct {
	Reason string `json:"reason"`
}

// eveSlips has our own details.
type eveSlips struct {
	ID        string       `json:"id"`
	Kind      history.Kind `json:"kind"`
	Mode      string       `json:"mode"`
	Text      string       `json:"text"`
	Error     string       `json:"error,omitempty"`
	By        *history.Who `json:"by,omitempty"`
	Tuple     string       `json:"tuple,omitempty"`
	Source    string       `json:"source,omitempty"`
	Label     string       `json:"label,omitempty"`
	Action    string       `json:"action,omitempty"`
	Rule      string       `json:"rule,omitempty"`
	Cause     string       `json:"cause,omitempty"`
	Reason    string       `json:"reason,omitempty"`
	Matches   int          `json:"matches,omitempty"`
	Scorer    string       `json:"scorer,omitempty"`
	Score     *float64     `json:"score,omitempty"`
	Threshold *float64     `json:"threshold,omitempty"`
	Letters   string       `json:"letters,omitempty"`
	Flows     uint64       `json:"flows,omitempty"`
	Why       string       `json:"why,omitempty"`
	Block     *eveBlock    `json:"block,omitempty"`
	Feed      *eveFeed     `json:"feed,omitempty"`
	Changes   []string     `json:"changes,omitempty"`
	Held      *held        `json:"held_back,omitempty"`
}

type eveBlock struct {
	ID      string      `json:"id"`
	Scope   string      `json:"scope"`
	Seconds float64     `json:"seconds"`
	Since   string      `json:"since,omitempty"`
	Until   string      `json:"until,omitempty"`
	Renewal bool        `json:"renewal"`
	DryRun  bool        `json:"dry_run"`
	End     history.End `json:"end,omitempty"`
}

type eveFeed struct {
	State  string  `json:"state"`
	Before string  `json:"before"`
	Away   float64 `json:"away_seconds,omitempty"`
	Missed uint64  `json:"missed_flows,omitempty"`
}

// maxLetters is how many of the newest letters a report has.
const maxLetters = 256

func newestLetters(s string) string { return s[max(0, len(s)-maxLetters):] }

// common fills what all events of a tuple have.
func (w *eveWriter) common(kind string, it *item) eveEvent {
	e := it.event
	out := eveEvent{Timestamp: e.Time.UTC().Format(eveTime), EventType: kind, Host: w.host, Slips: &eveSlips{
		ID: e.ID, Kind: e.Kind, Mode: e.Mode, Text: Plain(e.Text), Error: Plain(e.Error), By: e.By, Label: Plain(labelOf(e)),
	}}
	s := out.Slips
	for _, c := range e.Changes {
		s.Changes = append(s.Changes, Plain(c))
	}
	if it.held.Count > 0 {
		s.Held = &it.held
	}
	if t, ok := tupleOf(e); ok {
		out.tuple(t)
		s.Tuple = Plain(t.String())
	}
	if d := e.Decision; d != nil {
		s.Action, s.Rule, s.Cause, s.Reason, s.Matches = string(d.Action), Plain(d.Rule), string(d.Cause), Plain(d.Reason), d.Matches
	}
	if d := e.Detection; d != nil {
		var url string
		url, out.InIface = w.source(d.Source)
		score, threshold := finite(d.Score), finite(d.Threshold)
		s.Source, s.Scorer, s.Score, s.Threshold = Plain(url), d.Scorer, &score, &threshold
		s.Letters, s.Flows, s.Why = newestLetters(d.Letters), d.Flows, Plain(d.Why)
	}
	if b := e.Block; b != nil {
		s.Block = &eveBlock{ID: b.ID, Scope: string(b.Scope), Seconds: b.Duration.Seconds(),
			Since: when(b.Since), Until: when(b.Until), Renewal: b.Renewal, DryRun: b.DryRun, End: b.End}
	}
	if f := e.Feed; f != nil {
		s.Source = Plain(f.Source)
		s.Feed = &eveFeed{State: f.State, Before: f.Before, Away: f.Away.Seconds(), Missed: f.Missed}
	}
	return out
}

// when writes a time, or nothing where there is none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(eveTime)
}

// tuple fills the addresses. Only those that are IP addresses are told: indexes
// of receivers take no others there. slips.tuple has them all.
func (e *eveEvent) tuple(t argusfeed.Tuple) {
	e.FlowID = flowID(t)
	if ip, ok := t.Src.IP(); ok {
		e.SrcIP = ip.String()
	}
	if ip, ok := t.Dst.IP(); ok {
		e.DestIP = ip.String()
	}
	if n, ok := t.Port.Number(); ok {
		e.DestPort = &n
	}
	e.Proto = Plain(eveProto(t.Proto))
}

// eveProto writes a protocol as Suricata does.
func eveProto(p argusfeed.Proto) string {
	if p == argusfeed.ProtoICMPv6 {
		return "IPv6-ICMP"
	}
	return strings.ToUpper(p.String())
}

// flowID is the same for the same tuple on every host and over restarts. It has
// 51 bits, as Suricata's: many receivers keep numbers in a float64.
func flowID(t argusfeed.Tuple) uint64 {
	h := fnv.New64a()
	h.Write(t.AppendTo(make([]byte, 0, 96)))
	n := h.Sum64()
	return (n ^ n>>51) & (1<<51 - 1)
}

// eveGID tells our signatures from those of Suricata's rules, whose group is 1.
const eveGID = 5003

// signatureID is the same for the same label for ever, and never 0.
func signatureID(label string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(label))
	return h.Sum32()&0x7fffffff | 1
}

// Categories are those of Suricata's classification.config.
const (
	categoryCC     = "Malware Command and Control Activity Detected"
	categoryTrojan = "A Network Trojan was detected"
	categoryLike   = "Potentially Bad Traffic"
)

func category(e *history.Event) string {
	switch {
	case e.Detection != nil && e.Detection.Generic:
		return categoryLike
	case strings.Contains(labelOf(e), "CC"):
		return categoryCC
	}
	return categoryTrojan
}

// severity is Suricata's: 1 for what is or should be blocked, 2 for what is
// confirmed, 3 for the rest.
func severity(e *history.Event) int {
	switch {
	case e.Kind == history.KindBlock:
		return 1
	case e.Decision != nil && e.Decision.Confirmed:
		return 2
	}
	return 3
}

func alertOf(e *history.Event) *eveAlert {
	label := labelOf(e)
	a := &eveAlert{
		Action: "allowed", GID: eveGID, SignatureID: signatureID(label), Rev: 1, Signature: "slips-ips " + Plain(label),
		Category: category(e), Severity: severity(e),
	}
	if blocks(e) {
		a.Action = "blocked"
	}
	meta := map[string][]string{}
	if d := e.Detection; d != nil {
		meta["slips_scorer"] = []string{d.Scorer}
		if d.Model != "" {
			meta["slips_model"] = []string{Plain(d.Model)}
		}
		if d.Behaviour != "" {
			meta["slips_behaviour"] = []string{Plain(d.Behaviour)}
		}
	}
	if d := e.Decision; d != nil {
		meta["slips_rule"] = []string{Plain(d.Rule)}
	}
	if len(meta) > 0 {
		a.Metadata = meta
	}
	return a
}

func (w *eveWriter) alert(it *item) eveEvent {
	e := w.common("alert", it)
	e.Alert = alertOf(it.event)
	return e
}

// drop says that traffic is dropped from now on; Suricata says it of a packet.
func (w *eveWriter) drop(it *item) eveEvent {
	e := w.common("drop", it)
	e.Drop = &eveDrop{Reason: "rules"}
	if it.event.Detection != nil {
		e.Alert = alertOf(it.event)
	}
	return e
}

func (w *eveWriter) other(it *item) eveEvent { return w.common("slips", it) }
