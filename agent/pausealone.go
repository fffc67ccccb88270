package agent

import (
	"fmt"
	"time"

	"slips-ips/enforce"
)

// PauseAlone is Panic where no agent answers: it writes down that blocking is
// paused, for the agent that is started next, and removes the table. Its error is
// enforce.ErrInUse where an agent lives that enforces the table.
func PauseAlone(c Config, by string) (Paused, error) {
	p := Paused{Since: time.Now().UTC(), By: by}
	if m, ok := readPause(pausePath(c)); ok && !m.Over {
		p = m.Paused
	}
	// The file first: what starts meanwhile starts paused.
	marked := pauseMark{Paused: p}.write(pausePath(c))
	if err := enforce.Remove(c.Enforce, 0); err != nil {
		return p, fmt.Errorf("removing the table inet %s: %w", c.Enforce.Table, err)
	}
	if marked != nil {
		return p, fmt.Errorf("the table is gone, but an agent that is started blocks again: %w", marked)
	}
	return p, nil
}

// ResumeAlone ends a pause where no agent answers; ok is false where there is none.
// What the pause ended is not restored by the agent that is started next.
func ResumeAlone(c Config) (p Paused, ok bool, err error) {
	m, ok := readPause(pausePath(c))
	if !ok || m.Over {
		return m.Paused, false, nil
	}
	m.Over = true
	return m.Paused, true, m.write(pausePath(c))
}
