package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/internal/testenv"
)

func TestExec(t *testing.T) {
	t.Setenv("SECRET_OF_THE_AGENT", "x")
	dir := t.TempDir()
	hook := script(t, `cat >"$1/stdin"; env >"$1/env"; printf '%s\n' "$@" >"$1/args"; pwd >>"$1/args"`)
	r := testReporter(t, func(c *Config) {
		c.Exec = []ExecConfig{{Name: "a", Program: hook, Args: []string{dir, "$SLIPS_ID", "`id`"}}}
	}, testOptions(t))
	r.Event(testEvent(history.KindChange, usualTuple(t))) // not among its kinds
	r.Event(testEvent(history.KindAlert, hostileTuple(t)))
	mustClose(t, r)
	o := only(t, r)
	if o.Name != "exec/a" || o.To != hook || o.Sent != 1 || o.Dropped != 0 || o.Error != "" {
		t.Errorf("%+v", o)
	}
	var e struct{ ID, Text string }
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "stdin"))), &e); err != nil || e.ID == "" || !strings.Contains(e.Text, hostileName) {
		t.Errorf("%+v, %v", e, err)
	}
	if got, want := read(t, filepath.Join(dir, "args")), dir+"\n$SLIPS_ID\n`id`\n/\n"; got != want {
		t.Errorf("arguments %q, want %q", got, want)
	}
	env := read(t, filepath.Join(dir, "env"))
	for _, want := range []string{"SLIPS_ID=" + e.ID + "\n", "SLIPS_KIND=alert\n", "SLIPS_MODE=enforce\n", "SLIPS_LABEL=From-Botnet-TCP-CC-Beacon-1\n", "SLIPS_DST=2001:db8::9\n", "PATH="} {
		if !strings.Contains(env, want) {
			t.Errorf("%s is not in %s", want, env)
		}
	}
	if strings.Contains(env, "SECRET") || strings.ContainsAny(env, "\a\x1b") || strings.Contains(env, "\nCEF") {
		t.Errorf("the environment has %q", env)
	}
}

func TestExecThatFails(t *testing.T) {
	hook := script(t, `echo "no paper" >&2; exit 3`)
	r := testReporter(t, func(c *Config) {
		c.Exec = []ExecConfig{{Name: "a", Program: hook}, {Name: "b", Program: "/no/such/program"}}
	}, testOptions(t))
	r.Event(testEvent(history.KindBlock, usualTuple(t)))
	mustClose(t, r)
	a, b := r.Outputs()[0], r.Outputs()[1]
	if a.Dropped != 1 || a.Retried != 0 || !strings.Contains(a.Error, "exit status 3: it said: no paper") {
		t.Errorf("%+v", a)
	}
	if b.Dropped != 1 || !strings.Contains(b.Error, "no such file") {
		t.Errorf("%+v", b)
	}
}

// A hook that hangs is killed with its children, even if it holds its output open.
func TestExecThatHangs(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	hook := script(t, `sleep 1000 & echo $! >>"$1"; echo $$ >>"$1"; trap "" TERM; wait; sleep 1000`)
	r := testReporter(t, func(c *Config) {
		c.Exec = []ExecConfig{{Name: "a", Program: hook, Args: []string{pids}, Timeout: 500 * time.Millisecond}}
	}, testOptions(t))
	r.Event(testEvent(history.KindBlock, usualTuple(t)))
	testenv.Until(t, "killed", func() bool { return only(t, r).Dropped == 1 })
	if o := only(t, r); !strings.Contains(o.Error, "it ran longer than 500ms and was killed") {
		t.Errorf("%+v", o)
	}
	for field := range strings.FieldsSeq(read(t, pids)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		testenv.Until(t, "dead: "+field, func() bool { return !alive(pid) })
	}
	mustClose(t, r)
}

// alive tells whether a process runs; one that nobody waits for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest != "" && rest[0] != 'Z' && syscall.Kill(pid, 0) == nil
}

func TestExecAtOnce(t *testing.T) {
	dir := t.TempDir()
	// Each run notes how many there are, itself included.
	hook := script(t, `mkdir "$1/run.$$"; ls -d "$1"/run.* | wc -l >>"$1/seen"; while [ ! -e "$1/go" ]; do sleep 0.02; done; rmdir "$1/run.$$"`)
	r := testReporter(t, func(c *Config) {
		c.Exec = []ExecConfig{{Name: "a", Program: hook, Args: []string{dir}, AtOnce: 3}}
	}, testOptions(t))
	for range 10 {
		r.Event(testEvent(history.KindBlock, usualTuple(t)))
	}
	seen := func() []string {
		b, err := os.ReadFile(filepath.Join(dir, "seen"))
		if err != nil {
			return nil
		}
		return strings.Fields(string(b))
	}
	testenv.Until(t, "three at once", func() bool { return len(seen()) == 3 })
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustClose(t, r)
	all := seen()
	if len(all) != 10 || only(t, r).Sent != 10 {
		t.Errorf("%d runs: %+v", len(all), only(t, r))
	}
	for _, n := range all {
		if n > "3" {
			t.Errorf("%s at once", n)
		}
	}
}

// A reload waits for a program that runs: it is run once, not cut and run again.
func TestExecOverAReload(t *testing.T) {
	dir := t.TempDir()
	hook := script(t, `echo begun >>"$1/ran"; while [ ! -e "$1/go" ]; do sleep 0.02; done; echo done >>"$1/ran"`)
	cfg := DefaultConfig()
	cfg.Exec = []ExecConfig{{Name: "a", Program: hook, Args: []string{dir}}}
	r, err := New(cfg, testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	ran := func() string {
		b, _ := os.ReadFile(filepath.Join(dir, "ran"))
		return string(b)
	}
	r.Event(testEvent(history.KindBlock, usualTuple(t)))
	testenv.Until(t, "begun", func() bool { return ran() != "" })
	r.Event(testEvent(history.KindBlock, usualTuple(t)))
	next := cfg
	next.Exec = []ExecConfig{{Name: "a", Program: hook, Args: []string{dir}, AtOnce: 2}}
	reloaded := make(chan error)
	go func() { reloaded <- r.Reconfigure(next) }()
	r.Event(testEvent(history.KindBlock, usualTuple(t)))
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-reloaded; err != nil {
		t.Error(err)
	}
	mustClose(t, r)
	if got := strings.Count(ran(), "begun"); got != 3 || strings.Count(ran(), "done") != 3 || only(t, r).Sent != 3 {
		t.Errorf("%q, %+v", ran(), only(t, r))
	}
}
