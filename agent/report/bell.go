package report

import (
	"io"
	"time"
)

// bellPause keeps a storm of alerts from becoming a siren.
const bellPause = 2 * time.Second

// Bell sounds alerts: the BEL character, which terminals turn into a sound or a
// flash, also over SSH. It belongs to one goroutine.
type Bell struct {
	w    io.Writer
	now  func() time.Time
	last time.Time
}

// NewBell makes a bell that rings on w, at most once in two seconds of now.
func NewBell(w io.Writer, now func() time.Time) *Bell {
	return &Bell{w: w, now: now}
}

// Ring sounds one alert, or nothing if the last one was just now.
func (b *Bell) Ring() error {
	now := b.now()
	if !b.last.IsZero() && now.Sub(b.last) < bellPause {
		return nil
	}
	b.last = now
	_, err := b.w.Write([]byte{'\a'})
	return err
}
