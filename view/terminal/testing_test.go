package terminal

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
)

// direct is an agent that is asked without a socket, so that time can be a test's.
// What goes over a socket is tested in cmd/slips-ips, in a real terminal.
type direct struct {
	*controltest.Backend
	you   control.You
	down  error         // nothing answers
	takes time.Duration // for an answer

	asked  int // questions for the status, one of each drawing
	tuples control.TupleQuery
	events history.Query
}

func (d *direct) Status(context.Context) (status.Status, error) {
	d.asked++
	time.Sleep(d.takes)
	return d.State, d.down
}

func (d *direct) Index(context.Context) (control.Index, error) {
	return control.Index{You: d.you}, d.down
}

func (d *direct) Tuples(ctx context.Context, q control.TupleQuery) (control.TupleList, error) {
	d.tuples = q
	rows, err := d.Backend.Tuples(ctx, q)
	if err != nil {
		return control.TupleList{}, err
	}
	return rows.All(ctx)
}

func (d *direct) Events(ctx context.Context, q history.Query) (history.Page, error) {
	d.events = q
	return d.Backend.Events(ctx, q)
}

func (d *direct) ExplainTuple(ctx context.Context, tuple string) (control.Explanation, error) {
	t, err := argusfeed.FindTuple(tuple)
	if err != nil {
		return control.Explanation{}, err
	}
	return d.Explain(ctx, t)
}

func (d *direct) AddBlock(ctx context.Context, b control.NewBlock) (control.BlockInfo, error) {
	t, err := argusfeed.FindTuple(b.Tuple)
	if err != nil {
		return control.BlockInfo{}, err
	}
	return d.Backend.AddBlock(ctx, history.Who{User: "anna"}, control.BlockRequest{Tuple: t, Scope: b.Scope, Verdict: b.Verdict, Duration: b.Duration, Comment: b.Comment, Force: b.Force})
}

func (d *direct) RemoveBlock(ctx context.Context, which string) (control.BlockInfo, error) {
	return d.Backend.RemoveBlock(ctx, history.Who{}, which)
}

func (d *direct) AddAllow(ctx context.Context, a control.Allow) (control.AllowResult, error) {
	return d.Backend.AddAllow(ctx, history.Who{}, a)
}

func (d *direct) RemoveAllow(ctx context.Context, network string) (control.Allow, error) {
	return d.Backend.RemoveAllow(ctx, history.Who{}, network)
}

// desk is a terminal on which the model runs, without bubbletea and in a bubble of
// synctest: time goes on when the test says so.
type desk struct {
	*testing.T
	*model
	agent *direct
	msgs  chan tea.Msg
	wrote uint64
	left  bool // the program was left
}

// at runs a test on a terminal of that size.
func at(t *testing.T, b *controltest.Backend, width, height int, test func(*desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		d := &desk{T: t, agent: &direct{Backend: b, you: control.You{Change: true}}, msgs: make(chan tea.Msg, 100)}
		d.model = newModel(ctx, d.agent, 2*time.Second, 0, func() uint64 { return d.wrote })
		d.do(d.Init())
		d.size(width, height)
		defer func() {
			stop()
			time.Sleep(MostEvery + askTime) // what waits ends, and nothing begins any more
			synctest.Wait()
		}()
		test(d)
	})
}

// do runs a command as bubbletea would.
func (d *desk) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() { d.msgs <- cmd() }()
}

// settle hands over all messages that there are, until nothing happens.
func (d *desk) settle() {
	d.Helper()
	for {
		synctest.Wait()
		select {
		case msg := <-d.msgs:
			switch msg := msg.(type) {
			case tea.BatchMsg:
				for _, cmd := range msg {
					d.do(cmd)
				}
			case tea.QuitMsg:
				d.left = true
			default:
				_, cmd := d.Update(msg)
				d.do(cmd)
			}
			d.check()
		default:
			return
		}
	}
}

// check draws the screen and looks whether it can be one.
func (d *desk) check() {
	d.Helper()
	lines := d.screen()
	if d.width >= leastWidth && d.height >= leastHeight && len(lines) != d.height {
		d.Fatalf("%d lines on a screen of %dx%d:\n%s", len(lines), d.width, d.height, strings.Join(lines, "\n"))
	}
	for i, l := range lines {
		if n := ansi.StringWidthWc(l); n > d.width {
			d.Fatalf("line %d is %d wide on a screen of %dx%d: %q", i, n, d.width, d.height, l)
		}
		if odd := strings.IndexFunc(sgr.ReplaceAllString(l, ""), func(r rune) bool { return plain(string(r)) != string(r) }); odd >= 0 {
			d.Fatalf("line %d has what a terminal would obey: %q", i, l)
		}
	}
}

func (d *desk) size(width, height int) {
	d.Helper()
	_, cmd := d.Update(tea.WindowSizeMsg{Width: width, Height: height})
	d.do(cmd)
	d.settle()
}

// press presses keys, by the names of bubbletea.
func (d *desk) press(keys ...string) {
	d.Helper()
	for _, k := range keys {
		msg := tea.KeyPressMsg{}
		switch {
		case named[k] != 0:
			msg.Code = named[k]
		case strings.HasPrefix(k, "ctrl+"):
			msg.Code, msg.Mod = rune(k[5]), tea.ModCtrl
		default:
			msg.Code, msg.Text = []rune(k)[0], k
		}
		if msg.String() != k && k != " " {
			d.Fatalf("the key %q is %q", k, msg.String())
		}
		_, cmd := d.Update(msg)
		d.do(cmd)
		d.settle()
	}
}

var named = map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
	"home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "tab": tea.KeyTab, "backspace": tea.KeyBackspace, "delete": tea.KeyDelete}

// types types a text.
func (d *desk) types(s string) {
	d.Helper()
	for _, r := range s {
		d.press(string(r))
	}
}

// wait lets time go on.
func (d *desk) wait(t time.Duration) {
	d.Helper()
	const step = 100 * time.Millisecond
	for ; t > 0; t -= step {
		time.Sleep(min(t, step))
		d.settle()
	}
}

// seen gives the screen without styles.
func (d *desk) seen() string {
	return sgr.ReplaceAllString(strings.Join(d.screen(), "\n"), "")
}

// shows fails where a text is not on the screen; hides where it is.
func (d *desk) shows(texts ...string) {
	d.Helper()
	for _, s := range texts {
		if !strings.Contains(d.seen(), s) {
			d.Errorf("%q is not on the screen:\n%s", s, d.seen())
		}
	}
}

func (d *desk) hides(texts ...string) {
	d.Helper()
	for _, s := range texts {
		if strings.Contains(d.seen(), s) {
			d.Errorf("%q is on the screen:\n%s", s, d.seen())
		}
	}
}
