package agent

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"slips-ips/agent/report"
	"slips-ips/agent/status"
)

// maxTroubles is how many of the newest warnings and errors are remembered,
// maxTroubleText how long each may be.
const (
	maxTroubles    = 50
	maxTroubleText = 500
)

// troubles hands log records on and remembers the newest warnings and errors,
// for the status. It is safe for concurrent use.
type troubles struct {
	next  slog.Handler
	attrs []slog.Attr
	book  *troubleBook
}

type troubleBook struct {
	mu     sync.Mutex
	newest []status.Error // the oldest first
}

func newTroubles(next slog.Handler) *troubles {
	return &troubles{next: next, book: &troubleBook{}}
}

// Enabled is true for warnings whatever the log shows.
func (t *troubles) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || t.next.Enabled(ctx, level)
}

func (t *troubles) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		t.book.add(r, t.attrs)
	}
	if !t.next.Enabled(ctx, r.Level) {
		return nil
	}
	return t.next.Handle(ctx, r)
}

func (t *troubles) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &troubles{next: t.next.WithAttrs(attrs), attrs: append(slices.Clone(t.attrs), attrs...), book: t.book}
}

func (t *troubles) WithGroup(name string) slog.Handler {
	return &troubles{next: t.next.WithGroup(name), attrs: t.attrs, book: t.book}
}

func (b *troubleBook) add(r slog.Record, attrs []slog.Attr) {
	var text strings.Builder
	text.WriteString(r.Message)
	write := func(a slog.Attr) bool {
		text.WriteString(" " + a.Key + "=" + a.Value.String())
		return text.Len() < maxTroubleText
	}
	for _, a := range attrs {
		write(a)
	}
	r.Attrs(write)
	e := status.Error{Time: r.Time, Level: r.Level.String(), Text: report.Plain(text.String()), Count: 1}
	if len(e.Text) > maxTroubleText {
		e.Text = strings.ToValidUTF8(e.Text[:maxTroubleText], "") + "..."
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.newest); n > 0 && b.newest[n-1].Text == e.Text {
		b.newest[n-1].Time, b.newest[n-1].Count = e.Time, b.newest[n-1].Count+1
		return
	}
	if len(b.newest) == maxTroubles {
		b.newest = append(b.newest[:0], b.newest[1:]...)
	}
	b.newest = append(b.newest, e)
}

// list gives them, the newest first.
func (b *troubleBook) list() []status.Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := slices.Clone(b.newest)
	slices.Reverse(list)
	return list
}
