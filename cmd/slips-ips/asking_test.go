package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/agent/history"
)

var update = flag.Bool("update", false, "write the golden files")

// serveAgent serves b on a socket of its own until the test ends.
func serveAgent(t testing.TB, b control.Backend) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "c.sock")
	l, err := control.Listen(socket, "", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- control.NewServer(b, control.Options{Version: "1.0"}).Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return socket
}

// command runs a command line as main does.
func command(t testing.TB, socket string, args ...string) (code int, out, errout string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), append([]string{"--socket", socket}, args...), streams{os.Stdin, &o, &e})
	return code, o.String(), e.String()
}

// golden compares with testdata/golden/NAME, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (write it with -update):\n%s", path, diff)
	}
}

// Each command's output, for people and as JSON, which fits its schema.
func TestOutputs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   string
		code   int
		schema string
	}{
		{"status", "status", 1, "status"},
		{"tuples", "tuples", 0, "tuples"},
		{"tuples-table", "tuples --table --letters 8", 0, ""},
		{"tuples-none", "tuples 192.0.2.*", 0, "tuples"},
		{"tuples-detected", "tuples --detected --letters 0", 0, "tuples"},
		{"alerts", "alerts", 0, "events"},
		{"alerts-all", "alerts --kind all --ids", 0, "events"},
		{"alerts-none", "alerts --label nothing", 0, "events"},
		{"explain", "explain " + controltest.Tuple, 0, "explain"},
		{"explain-id", "explain " + controltest.ID(4), 0, "explain"},
		{"block-list", "block list", 0, "blocks"},
		{"block-list-ids", "block list --ids --state missing", 0, "blocks"},
		{"block-list-none", "block list --host 192.0.2.1", 0, "blocks"},
		{"block-add", "block add 10.0.0.7 203.0.113.50 25 tcp --for 2d --comment spam", 0, "block"},
		{"block-add-wide", "block add 10.0.0.7 203.0.113.50 25 tcp --duration 2d --scope source --verdict reject", 0, "block"},
		{"block-remove", "block remove " + controltest.Tuple + " " + controltest.ID(7), 0, "lifted"},
		{"block-flush", "block flush --yes", 0, "flushed"},
		{"panic", "panic", 0, "pause"},
		{"resume", "resume", 0, "pause"},
		{"allow-list", "allow list", 0, "allows"},
		{"allow-add", "allow add 203.0.113.0/24 --comment ours", 0, "allowed"},
		{"allow-remove", "allow remove 192.168.7.0/24", 0, "allow"},
		{"reload", "reload", 0, "reload"},
		{"reload-lift", "reload --lift", 0, "reload"},
		{"reload-check", "reload --check", 0, "reload"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errout := command(t, serveAgent(t, controltest.Sample()), strings.Fields(tt.args)...)
			if code != tt.code {
				t.Fatalf("exit status %d, %s", code, errout)
			}
			golden(t, tt.name+".txt", sameWho(out+errout))
			if tt.schema == "" {
				return
			}
			code, out, errout = command(t, serveAgent(t, controltest.Sample()), append(strings.Fields(tt.args), "--json")...)
			if code != tt.code {
				t.Fatalf("--json: exit status %d, %s", code, errout)
			}
			golden(t, tt.name+".json", sameWho(out))
			fits(t, tt.schema, []byte(out))
		})
	}
}

// sameWho takes out what is of this machine: who runs the test.
func sameWho(s string) string {
	me := new(whoHere)
	return me.replace(s)
}

func TestStatusWell(t *testing.T) {
	b := controltest.Sample()
	b.State.Problems, b.State.Errors, b.State.Outputs, b.State.Feeds = nil, nil, nil, nil
	b.State.History.Path, b.State.Config.Path = "", ""
	b.State.Enforce.DryRun, b.State.Mode, b.State.Policy.Decisions = true, "dry-run", nil
	b.State.Enforce.Error, b.State.Enforce.Differs = "", time.Time{}
	code, out, _ := command(t, serveAgent(t, b), "status")
	if code != 0 {
		t.Errorf("exit status %d", code)
	}
	golden(t, "status-well.txt", out)
	code, out, _ = command(t, serveAgent(t, b), "status", "--json")
	if code != 0 {
		t.Errorf("exit status %d", code)
	}
	fits(t, "status", []byte(out))
}

func TestStatusCheck(t *testing.T) {
	b := controltest.Sample()
	socket := serveAgent(t, b)
	code, out, _ := command(t, socket, "status", "--check")
	if code != 2 {
		t.Errorf("critical: exit status %d", code)
	}
	golden(t, "check-critical.txt", out)
	b.State.Problems = b.State.Problems[1:]
	if code, out, _ := command(t, socket, "status", "--check"); code != 1 || !strings.HasPrefix(out, "SLIPS-IPS WARNING - feed: ") {
		t.Errorf("warning: %d, %s", code, out)
	}
	b.State.Problems = nil
	code, out, _ = command(t, socket, "status", "--check")
	if code != 0 {
		t.Errorf("well: exit status %d", code)
	}
	golden(t, "check-ok.txt", out)
	if code, out, _ := command(t, socket+"x", "status", "--check"); code != 2 || !strings.HasPrefix(out, "SLIPS-IPS CRITICAL - no agent answers") || strings.Count(out, "\n") != 1 {
		t.Errorf("no agent: %d, %s", code, out)
	}
	if code, _, errout := command(t, socket+"x", "status"); code != 1 || !strings.Contains(errout, "it is not running (slips-ips run)") {
		t.Errorf("no agent: %d, %s", code, errout)
	}
}

// Errors of the agent, and of the command line before the agent is asked.
func TestAskingErrors(t *testing.T) {
	b := controltest.Sample()
	socket := serveAgent(t, b)
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"tuples [a", 2, `match: "[a" is no pattern`},
		{"tuples --sort size", 2, "use last, flows, detections or score"},
		{"tuples --limit -1x", 2, "invalid argument"},
		{"tuples a b", 2, "takes one pattern"},
		{"tuples --watch=1ms", 2, "too often; use 100ms or more"},
		{"alerts --since yesterday", 2, `--since "yesterday": use how long ago`},
		{"alerts --kind alarm", 2, `"alarm" is no kind of event`},
		{"alerts --follow --until 1h", 2, "leave one out"},
		{"alerts x", 2, "takes no arguments"},
		{"explain", 2, "takes one tuple or id"},
		{"explain 10.0.0.1", 2, "is no tuple; it is written source-destination-port-protocol"},
		{"explain 10.0.0.1-10.0.0.2-1-tcp", 1, "nothing is known of"},
		{"explain " + controltest.ID(77), 1, "neither the history nor a block in force"},
		{"block", 2, "say what to do"},
		{"block add 10.0.0.1 10.0.0.2", 2, "takes a tuple, or source, destination, port and protocol"},
		{"block add 10.0.0.1-203.0.113.1-80-tcp --scope net", 2, "use tuple, pair, destination or source"},
		{"block add 10.0.0.1-203.0.113.1-80-tcp --verdict refuse", 2, "use drop or reject"},
		{"block add 10.0.0.1-192.0.2.1-80-tcp --force", 1, "this host's gateway; nothing overrides that"},
		{"block add 10.0.0.1-203.0.113.1-80-tcp --for 31d", 2, "use 1s to 720h"},
		{"block add 10.0.0.1-203.0.113.1-80-tcp --for 0s", 2, "too short; use more than 0"},
		{"allow add 10.0.0.5 --for 0s", 2, "too short; use more than 0"},
		{"block add 10.0.0.1-203.0.113.1-80-tcp --for 1y", 2, "use a number and s, m, h, d or w"},
		{"block remove", 2, "block flush lifts all"},
		{"block remove nothing", 1, `no block has the id or the tuple "nothing"`},
		{"block remove " + controltest.ID(7) + " nothing", 1, "1 block was lifted, then: "},
		{"block flush", 2, "say --yes if you mean it"},
		{"allow add 10.0.0.5/24", 2, "network: "},
		{"allow add 10.0.0.5 --until soon", 2, `"soon" is no time`},
		{"allow add 10.0.0.5 --until 2020-01-01", 2, "is over already"},
		{"allow add 10.0.0.5 --until 2020-01-01 --for 1h", 2, "use one"},
		{"allow remove 192.168.0.0/16", 1, "take it out there and reload"},
		{"reload --check --lift", 2, "leave one out"},
		{"status --check --json", 2, "neither --json nor --watch"},
	} {
		code, _, errout := command(t, socket, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(errout, tt.want) {
			t.Errorf("%s: exit status %d, %s; want %d, %q", tt.args, code, errout, tt.code, tt.want)
		}
	}
	b.Reloaded = control.ReloadResult{}
	if code, _, errout := command(t, socket, "reload"); code != 1 || !strings.Contains(errout, "slips-ips: slips.toml:2: policy.action") {
		t.Errorf("a bad configuration: %d, %s", code, errout)
	}
}

func TestCompletion(t *testing.T) {
	socket := serveAgent(t, controltest.Sample())
	for args, want := range map[string]string{
		"explain 10.0.0.7":    controltest.Tuple,
		"block remove 10.0.0": "10.0.0.9-203.0.113.200-22-tcp",
		"allow remove 192":    "192.168.7.0/24",
		"tuples --label From": "From-Generic-TCP-HTTPS-beacon-regular",
		"tuples --sort ":      "detections",
		"alerts --kind ":      "alert",
	} {
		list := strings.Split(args, " ")
		code, out, errout := command(t, socket, append([]string{"__complete", "--socket", socket}, list...)...)
		if code != 0 || !strings.Contains(out, want+"\n") {
			t.Errorf("%s: %d, %s%s", args, code, out, errout)
		}
	}
	if code, out, _ := command(t, socket+"x", "__complete", "--socket", socket+"x", "explain", ""); code != 0 || !strings.HasPrefix(out, ":4") {
		t.Errorf("no agent: %d, %s", code, out)
	}
}

// Following begins with the past and shows nothing twice.
func TestFollowAlerts(t *testing.T) {
	b := controltest.Sample()
	socket := serveAgent(t, b)
	ctx, stop := context.WithCancel(t.Context())
	out := new(lines)
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"--socket", socket, "alerts", "--follow", "--json"}, streams{os.Stdin, out, os.Stderr})
	}()
	out.wait(t, 2)
	e := b.Past[2]
	e.ID = controltest.ID(50)
	b.Happen(e)
	b.Happen(history.Event{Text: "2 events were lost"})
	out.wait(t, 4)
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit status %d", code)
	}
	for i, want := range []string{controltest.ID(3), controltest.ID(4), controltest.ID(50), `{"lost":"2 events were lost"}`} {
		if got := out.line(i); !strings.Contains(got, want) {
			t.Errorf("line %d: %s", i, got)
		}
		if i < 3 {
			fits(t, "event", []byte(out.line(i)))
		}
	}
}

func TestWatch(t *testing.T) {
	socket := serveAgent(t, controltest.Sample())
	ctx, stop := context.WithCancel(t.Context())
	out := new(lines)
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"--socket", socket, "tuples", "--json", "--watch=100ms"}, streams{os.Stdin, out, os.Stderr})
	}()
	out.wait(t, 2)
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit status %d", code)
	}
	fits(t, "tuples", []byte(out.line(1)))
}

// More than one answer holds is asked for in several.
func TestManyRows(t *testing.T) {
	for _, tt := range []struct{ wanted, got, want int }{{0, 0, 100}, {0, 300, 100}, {250, 200, 50}, {50, 0, 50}} {
		if got := pageSize(tt.wanted, tt.got, 100); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
	socket := serveAgent(t, controltest.Large(10_500))
	for args, want := range map[string]int{
		"tuples --limit 0": 10_500, "tuples --limit 10001 --table": 10_002, "block list --limit 0": 10_501, "alerts --limit 0": 10_500, "alerts --limit 10001": 10_001, "tuples": 100,
	} {
		code, out, errout := command(t, socket, strings.Fields(args)...)
		if n := strings.Count(out, "\n"); code != 0 || n != want {
			t.Errorf("%s: %d, %d lines, want %d; %s", args, code, n, want, errout)
		}
	}
}

func BenchmarkCommands(b *testing.B) {
	socket := serveAgent(b, controltest.Large(100_000))
	for _, args := range []string{"status", "tuples --limit 0", "tuples --limit 0 --table", "block list --limit 0", "block list --limit 0 --json", "alerts --limit 0"} {
		b.Run(strings.ReplaceAll(args, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				if code, _, errout := command(b, socket, strings.Fields(args)...); code > 1 {
					b.Fatal(code, errout)
				}
			}
		})
	}
}

// A history that cannot be written is behind, and its list says so.
func TestAlertsOfAHistoryThatIsBehind(t *testing.T) {
	b := controltest.Sample()
	b.State.History.Waiting, b.State.History.Error = 42, "the disk is full"
	for _, args := range [][]string{{"alerts"}, {"alerts", "--json"}} {
		code, _, errout := command(t, serveAgent(t, b), args...)
		if code != 0 || !strings.Contains(errout, "warning: 42 events are not in the history yet: the disk is full") {
			t.Errorf("%v: %d, %q", args, code, errout)
		}
	}
}
