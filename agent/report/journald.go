package report

import (
	"context"
	"fmt"
	"strconv"

	"github.com/coreos/go-systemd/v22/journal"

	"slips-ips/agent/history"
)

// JournaldConfig is the table [report.journald].
type JournaldConfig struct {
	Enabled bool  `toml:"enabled"`
	Kinds   Kinds `toml:"kinds"`
	Queue   int   `toml:"queue"`
}

// DefaultJournaldConfig is off.
func DefaultJournaldConfig() JournaldConfig {
	return JournaldConfig{Kinds: usualKinds(), Queue: defaultQueue}
}

func (c JournaldConfig) validate() []error { return append(c.Kinds.validate(), checkQueue(c.Queue)...) }

// journalSocket is journald's, of the native protocol.
const journalSocket = "/run/systemd/journal/socket"

func (c JournaldConfig) spec() spec {
	return spec{name: "journald", to: journalSocket, config: c, kinds: c.Kinds, queue: c.Queue, workers: 1,
		open: func() (sink, error) { return journald{}, nil }}
}

// journald tells events to the systemd journal, with fields.
type journald struct{}

func (journald) deliver(_ context.Context, it *item) error {
	if it.event == nil {
		return nil
	}
	if err := journal.Send(it.text(), priority(it.event), journalFields(it)); err != nil {
		return fmt.Errorf("writing to the journal (is systemd-journald running?): %w", err)
	}
	return nil
}

func (journald) close() {}

// priority is syslog's: 0 is the worst.
func priority(e *history.Event) journal.Priority {
	switch {
	case e.Error != "":
		return journal.PriErr
	case blocks(e):
		return journal.PriWarning
	case e.Kind == history.KindAlert, e.Kind == history.KindBlock, e.Kind == history.KindFeed:
		return journal.PriNotice
	}
	return journal.PriInfo
}

// journalFields are the fields of an event. Nothing from outside is ever the
// name of one.
func journalFields(it *item) map[string]string {
	e := it.event
	f := map[string]string{"SYSLOG_IDENTIFIER": "slips-ips", "SLIPS_ID": e.ID, "SLIPS_KIND": string(e.Kind), "SLIPS_MODE": e.Mode}
	set := func(name, value string) {
		if value != "" {
			f[name] = Plain(value)
		}
	}
	set("SLIPS_ERROR", e.Error)
	set("SLIPS_LABEL", labelOf(e))
	if t, ok := tupleOf(e); ok {
		set("SLIPS_TUPLE", t.String())
		set("SLIPS_SRC", t.Src.String())
		set("SLIPS_DST", t.Dst.String())
		set("SLIPS_PORT", t.Port.String())
		set("SLIPS_PROTO", t.Proto.String())
	}
	if d := e.Decision; d != nil {
		set("SLIPS_ACTION", string(d.Action))
		set("SLIPS_RULE", d.Rule)
		set("SLIPS_CAUSE", string(d.Cause))
		set("SLIPS_REASON", d.Reason)
		set("SLIPS_MATCHES", strconv.Itoa(d.Matches))
	}
	if d := e.Detection; d != nil {
		set("SLIPS_SCORER", d.Scorer)
		set("SLIPS_SCORE", strconv.FormatFloat(d.Score, 'g', -1, 64))
		set("SLIPS_THRESHOLD", strconv.FormatFloat(d.Threshold, 'g', -1, 64))
		set("SLIPS_LETTERS", newestLetters(d.Letters))
		set("SLIPS_FLOWS", strconv.FormatUint(d.Flows, 10))
		set("SLIPS_WHY", d.Why)
	}
	if b := e.Block; b != nil {
		set("SLIPS_BLOCK", b.ID)
		set("SLIPS_SCOPE", string(b.Scope))
		set("SLIPS_SECONDS", strconv.FormatFloat(b.Duration.Seconds(), 'f', -1, 64))
		set("SLIPS_DRY_RUN", strconv.FormatBool(b.DryRun))
		set("SLIPS_END", string(b.End))
	}
	if w := e.By; w != nil {
		set("SLIPS_USER", w.User)
	}
	if feed := e.Feed; feed != nil {
		set("SLIPS_SOURCE", feed.Source)
		set("SLIPS_STATE", feed.State)
	}
	if it.held.Count > 0 {
		set("SLIPS_HELD_BACK", strconv.FormatUint(it.held.Count, 10))
	}
	return f
}
