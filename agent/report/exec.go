package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"slips-ips/agent/history"
)

// ExecConfig is one [[report.exec]]: a program that is run for each event. What
// is left out has the default, given with each key.
type ExecConfig struct {
	// Name tells outputs apart.
	Name string `toml:"name"`
	// Program is a path from the root, Args its arguments, as they are: there is
	// no shell, and nothing is replaced in them.
	Program string   `toml:"program"`
	Args    []string `toml:"args"`
	// Timeout is how long it may run (10s); then it is killed with all that it
	// started.
	Timeout time.Duration `toml:"timeout"`
	// AtOnce is how many may run at once (1).
	AtOnce int   `toml:"at_once"`
	Kinds  Kinds `toml:"kinds"` // alert, block, lift
	Queue  int   `toml:"queue"` // 4096
}

func (c ExecConfig) withDefaults() ExecConfig {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.AtOnce == 0 {
		c.AtOnce = 1
	}
	if len(c.Kinds) == 0 {
		c.Kinds = usualKinds()
	}
	if c.Queue == 0 {
		c.Queue = defaultQueue
	}
	return c
}

func (c ExecConfig) validate() []error {
	c = c.withDefaults()
	all := append(c.Kinds.validate(), checkQueue(c.Queue)...)
	if !filepath.IsAbs(c.Program) {
		all = append(all, fmt.Errorf("program: %q is not allowed; use a path from the root, without arguments (those go into args)", c.Program))
	}
	all = append(all, checkSpan("timeout", c.Timeout, 100*time.Millisecond, time.Hour)...)
	if c.AtOnce < 1 || c.AtOnce > 64 {
		all = append(all, fmt.Errorf("at_once: %d is not allowed; use 1 to 64", c.AtOnce))
	}
	return all
}

func (c ExecConfig) spec() spec {
	c = c.withDefaults()
	return spec{name: "exec/" + c.Name, to: c.Program, config: c, kinds: c.Kinds, queue: c.Queue, workers: c.AtOnce, tries: 1,
		patience: min(c.Timeout+2*time.Second, maxHookPatience), // a program that was cut would be run twice
		open:     func() (sink, error) { return &hook{c}, nil }}
}

// hook runs a program for each event, with the event as JSON on its standard
// input. It is not run again where it fails: it may have done its work.
type hook struct{ cfg ExecConfig }

// maxHookPatience is how long a reload waits for a program that runs.
const maxHookPatience = 30 * time.Second

// maxHookOutput is how much of what a hook says is kept for the error.
const maxHookOutput = 4096

func (h *hook) deliver(ctx context.Context, it *item) error {
	if it.event == nil {
		return nil
	}
	input, err := it.json()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, h.cfg.Timeout, fmt.Errorf("it ran longer than %v and was killed", h.cfg.Timeout))
	defer cancel()
	said := &tail{}
	cmd := exec.CommandContext(ctx, h.cfg.Program, h.cfg.Args...)
	cmd.Env = hookEnv(it)
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(append(input, '\n'))
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for what left the group and holds the output open
	err = cmd.Run()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well, and something that it started goes on
	}
	if err != nil {
		return fmt.Errorf("running %s for event %s: %w%s", h.cfg.Program, it.event.ID, err, said)
	}
	return nil
}

func (h *hook) close() {}

// hookEnv is the environment of a hook: nothing of the agent's own but PATH, and
// a little of the event for simple scripts.
func hookEnv(it *item) []string {
	e := it.event
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	env := []string{"PATH=" + path, "LC_ALL=C.UTF-8"}
	set := func(name, value string) {
		if value != "" {
			env = append(env, "SLIPS_"+name+"="+Plain(value))
		}
	}
	set("ID", e.ID)
	set("KIND", string(e.Kind))
	set("TIME", e.Time.UTC().Format(time.RFC3339Nano))
	set("MODE", e.Mode)
	set("LABEL", labelOf(e))
	set("TEXT", it.text())
	set("ERROR", e.Error)
	if t, ok := tupleOf(e); ok {
		set("TUPLE", t.String())
		set("SRC", t.Src.String())
		set("DST", t.Dst.String())
		set("PORT", t.Port.String())
		set("PROTO", t.Proto.String())
	}
	if e.Kind == history.KindBlock || e.Kind == history.KindLift {
		set("DRY_RUN", strconv.FormatBool(dryRun(e)))
	}
	return env
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if n := len(t.b) - maxHookOutput; n > 0 {
		t.b = slices.Delete(t.b, 0, n)
	}
	return len(p), nil
}

// String gives what was said in a line, or nothing.
func (t *tail) String() string {
	s := strings.TrimSpace(string(t.b))
	if s == "" {
		return ""
	}
	return ": it said: " + Plain(strings.ReplaceAll(s, "\n", "; "))
}
