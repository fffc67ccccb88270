package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
	"slips-ips/models/lab"
)

func TestMain(m *testing.M) {
	// The tests themselves, not the program in scripts, are in a zone that is not
	// UTC, so that a time that is written in the wrong one is seen.
	if filepath.Base(os.Args[0]) != "slips-ips" {
		time.Local = time.FixedZone("CET", 3600)
	}
	testscript.Main(testenv.Untouched(m), map[string]func(){"slips-ips": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "waits": waits, "serves": serves},
		Condition:           condition,
	})
}

// exits runs a program and checks its exit status: exits 2 slips-ips ...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// setup puts flows and models into the folder of a script:
//   - beacon.binetflow: 20 contacts of one tuple, one every 59 s, and one flow of
//     each of five others;
//   - long.binetflow: 60 contacts; recent.binetflow: the same in the last hours;
//   - captures/a.binetflow, captures/b.binetflow: each a beacon labelled as one,
//     a service that polls with sizes of its own, and a page;
//   - unlabelled.binetflow: without a label; partly.binetflow: with a line that is
//     no flow; junk.binetflow: with no flow at all;
//   - models/zeus.stfm: a letters model that the beacon matches;
//   - evil/evil.stfm: a pickle that wants to run a program;
//   - signed/poll.toml: a model for bundles;
//   - restart.argus, restart.csv: an Argus stream and what ra printed of it.
func setup(env *testscript.Env) error {
	env.Setenv("NO_COLOR", "1")
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command takes a second more
	write := func(name string, data string) error {
		path := filepath.Join(env.WorkDir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(data), 0o600)
	}
	fixture := func(name, from string) error {
		data, err := os.ReadFile(filepath.Join("..", "..", "argusfeed", "testdata", "fixtures", from))
		return errors.Join(err, write(name, string(data)))
	}
	return errors.Join(
		fixture("restart.argus", "restart.argus"),
		fixture("restart.csv", "restart.slips.csv"),
		write("beacon.binetflow", flows(20, begin)),
		write("long.binetflow", flows(60, begin)),
		write("recent.binetflow", flows(60, time.Now().UTC().Add(-2*time.Hour))),
		write("models/zeus.stfm", letterModel("From-Botnet-TCP-HTTP-Zeus.CC-1", "88,"+strings.Repeat("h,", 60))),
		write("captures/a.binetflow", labelled(7)),
		write("captures/b.binetflow", labelled(8)),
		write("unlabelled.binetflow", flows(20, begin)),
		write("partly.binetflow", labelled(7)+"no flow\n"),
		write("junk.binetflow", argusfeed.RaHeader+"\nno flow\nnor this\n"),
		write("signed/poll.toml", signedModel),
		write("evil/evil.stfm", "cos\nsystem\n(S'touch pwned'\ntR."),
	)
}

// gap lies between contacts. At 60 s each would be at the very end of a window,
// where the original drops flows.
const gap = 59 * time.Second

var begin = time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)

// flows writes what ra would have printed.
func flows(contacts int, begin time.Time) string {
	text := []byte(argusfeed.RaHeader + "\n")
	add := func(host byte, port uint16, after time.Duration, size uint64) {
		server := [4]byte{203, 0, 113, 9}
		if host != 1 {
			server = [4]byte{198, 51, 100, 9} // the beacon's network is its own
		}
		f := argusfeed.Flow{
			Tuple: argusfeed.Tuple{
				Src:  argusfeed.AddrFrom4([4]byte{10, 77, 0, host}),
				Dst:  argusfeed.AddrFrom4(server),
				Port: argusfeed.PortNumber(port), Proto: argusfeed.ProtoTCP,
			},
			Sport: argusfeed.PortNumber(uint16(40000 + after/(time.Second/2))), Start: argusfeed.TimeOf(begin.Add(after)),
			Dur: 300 * time.Millisecond, Packets: 10, Bytes: size, Dir: argusfeed.DirTo, State: "FSPA_FSPA",
		}
		text = append(new(argusfeed.RaPrinter).AppendFlow(text, &f), '\n')
	}
	for i := range contacts {
		add(1, 8080, time.Duration(i)*gap, 1200)
		if i < 5 {
			add(byte(10+i), 22, time.Duration(i)*gap+time.Second/2, 90)
		}
	}
	return string(text)
}

// labelled writes a capture of one host with a label column.
func labelled(host byte) string {
	text := []byte(argusfeed.RaHeader + ",Label\n")
	add := func(dst [4]byte, label string, plan lab.Plan) {
		t := argusfeed.Tuple{
			Src: argusfeed.AddrFrom4([4]byte{10, 88, 0, host}), Dst: argusfeed.AddrFrom4(dst),
			Port: argusfeed.PortNumber(plan.Port), Proto: argusfeed.ProtoTCP,
		}
		for _, f := range plan.Flows(t, argusfeed.TimeOf(begin), uint64(host)) {
			text = append(append(new(argusfeed.RaPrinter).AppendFlow(text, &f), ","+label...), '\n')
		}
	}
	add([4]byte{203, 0, host, 9}, "From-Botnet-Test-TCP-CC", lab.Plan{Proto: "tcp", Port: 4444, Visits: 60, Period: time.Minute, Share: 0.1, Bytes: 900, Lasts: time.Second})
	add([4]byte{198, 51, 100, host}, "Benign-Polling", lab.Plan{Proto: "tcp", Port: 443, Visits: 90, Period: 30 * time.Minute, Share: 0.02, Bytes: 5000, Noise: 0.3, Lasts: time.Second})
	add([4]byte{198, 51, host, 7}, "Benign-Page", lab.Plan{Proto: "tcp", Port: 443, Visits: 80, Period: time.Minute, Jitter: lab.Lognormal, Share: 2, Bytes: 20_000, Noise: 1.5, Lasts: time.Second})
	return string(text)
}

// letterModel is a model as the original slips 0.3.3 wrote it: six pickles.
func letterModel(label, letters string) string {
	return "(dp1\n." +
		"ccopy_reg\n_reconstructor\np1\n(cstf.common.markov_chains\nMatrix\np2\nc__builtin__\ndict\np3\n(dp4\ntRp5\n." +
		"S'" + letters + "'\np1\n." + "F-3.5\n." + "S'" + label + "'\np1\n." + "F1.1\n."
}
