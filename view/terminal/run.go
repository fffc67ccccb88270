package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/charmbracelet/colorprofile"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
)

// Options say what to show and where.
type Options struct {
	// Client asks the agent. It is not closed.
	Client *control.Client
	// In and Out are a terminal.
	In, Out *os.File
	// Colour tells whether colours are wanted.
	Colour bool
	// Every is the interval of drawing, LeastEvery to MostEvery.
	Every time.Duration
	// Rate is how many bytes a second are drawn by itself, LeastRate or more; 0: no
	// limit.
	Rate int
}

// Validate says what is not allowed, in the words of the command line.
func (o Options) Validate() error {
	if o.Every < LeastEvery || o.Every > MostEvery {
		return fmt.Errorf("--every %s is not allowed; use %s to %s", o.Every, LeastEvery, MostEvery)
	}
	if o.Rate != 0 && o.Rate < LeastRate {
		return fmt.Errorf("--rate %d is not allowed; use %d bytes a second or more, or 0 for no limit", o.Rate, LeastRate)
	}
	return nil
}

// framesPerSecond is how often keys may be answered on the screen. Nothing is
// written where nothing changed.
const framesPerSecond = 20

// Run shows what the agent does until the admin leaves or ctx ends, which is no
// error. An agent that ends meanwhile is waited for.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	out := &terminalOut{File: o.Out}
	out.m.w = o.Out
	profile := colorprofile.ASCII
	if o.Colour {
		profile = colorprofile.ANSI
	}
	m := newModel(ctx, o.Client, o.Every, o.Rate, out.m.n.Load)
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(o.In), tea.WithOutput(out), tea.WithColorProfile(profile),
		tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler())
	_, err := p.Run()
	if ctx.Err() != nil && (errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, ctx.Err())) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("drawing on the terminal: %w", err)
	}
	return nil
}

// terminalOut is a terminal whose bytes are counted.
type terminalOut struct {
	*os.File
	m meter
}

func (t *terminalOut) Write(b []byte) (int, error) { return t.m.Write(b) }

// WriteString counts as well: os.File has one that does not.
func (t *terminalOut) WriteString(s string) (int, error) { return t.m.Write([]byte(s)) }

// ReadFrom keeps io.Copy from writing past the count.
func (t *terminalOut) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{&t.m}, r)
}
