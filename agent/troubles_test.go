package agent

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestTroublesRemembersWarnings(t *testing.T) {
	book := &logBook{}
	h := newTroubles(book)
	log := slog.New(h)
	log.Info("all is well")
	log.With("source", "argus://h").Error("a source failed", "error", errors.New("the cable\x1b[2J is cut"))
	for range 3 {
		log.Warn("dropped", "flows", 7)
	}
	got := h.book.list()
	if len(got) != 2 || len(book.lines) != 5 {
		t.Fatalf("%d remembered, %d handed on: %+v", len(got), len(book.lines), got)
	}
	if got[0].Text != "dropped flows=7" || got[0].Count != 3 || got[0].Level != "WARN" {
		t.Errorf("%+v", got[0])
	}
	if got[1].Text != "a source failed source=argus://h error=the cable?[2J is cut" || got[1].Count != 1 {
		t.Errorf("%+v", got[1])
	}
	for i := range 2 * maxTroubles {
		log.Warn("trouble", "number", i, "long", strings.Repeat("x", 2*maxTroubleText))
	}
	got = h.book.list()
	if len(got) != maxTroubles || !strings.HasPrefix(got[0].Text, "trouble number=99 ") || len(got[0].Text) > maxTroubleText+3 {
		t.Errorf("%d remembered, the newest %q", len(got), got[0].Text)
	}
}

// What the log does not show is remembered all the same.
func TestTroublesOfASilentLog(t *testing.T) {
	h := newTroubles(slog.DiscardHandler)
	slog.New(h).WithGroup("g").Warn("something", "k", "v")
	if got := h.book.list(); len(got) != 1 || got[0].Text != "something k=v" {
		t.Errorf("%+v", got)
	}
}
