package argusfeed

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/packaging"

	"slips-ips/internal/testenv"
)

func TestParseSource(t *testing.T) {
	for url, want := range map[string]string{ // the error, or nothing
		"-": "", "ra:-": "", "ra:/var/lib/flows.csv": "", "file:flows.gz": "", "follow:/var/log/argus.out": "", "flows.binetflow": "", "./spawn:x": "", "C.csv": "",
		"spawn:": "", "spawn:eth0": "", "spawn:any": "", "spawn:eth0.100": "",
		"argus://localhost": "", "argus://localhost:902": "", "argus://[::1]:902": "", "argus://10.0.0.1:1/": "",
		"":                    "empty source; allowed are argus://",
		"http://x":            `there is no "http"; allowed are argus://`,
		"file:":               "the path is missing",
		"follow:":             "the path is missing; it is written follow:PATH",
		"follow:-":            "the source - reads it",
		"ra:":                 "the path is missing",
		"spawn:eth0,eth1":     `"eth0,eth1" is not the name of an interface; it is written spawn:[IFACE]`,
		"spawn:x\nARGUS_ENV=": "is not the name of an interface",
		"spawn:-x":            "is not the name of an interface",
		"argus:localhost":     "this is no host and port",
		"argus://":            "the host is missing",
		"argus://:902":        "the host is missing",
		"argus://-x:902":      "the host is missing",
		"argus://h:0":         `the port "0" is not in 1..65535`,
		"argus://h:65536":     "is not in 1..65535",
		"argus://h:902/path":  "there is more than host and port",
		"argus://u@h:902":     "there is more than host and port",
	} {
		s, err := ParseSource(url, Options{})
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", url, err)
		case want == "" && (s.String() != url || s.Stats().URL != url || s.Stats().State != StateWaiting):
			t.Errorf("%q became %q: %+v", url, s, s.Stats())
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", url, err, want)
		}
	}
}

// collect runs a source to its end.
func collect(t *testing.T, ctx context.Context, s Source) ([]Flow, error) {
	t.Helper()
	out := make(chan []Flow)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, out)
		close(out)
	}()
	var flows []Flow
	for b := range out {
		if len(b) == 0 || len(b) > batchSize {
			t.Errorf("a batch of %d", len(b))
		}
		flows = append(flows, b...)
	}
	return flows, <-ended
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "fixtures", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFileSourceReadsAllForms(t *testing.T) {
	text := append(mixture(3000), "junk\n"...)
	argus := fixture(t, "mixed-plain.argus")
	for _, tt := range []struct {
		name    string
		data    []byte
		flows   int
		skipped map[string]uint64
		err     string
	}{
		{"text", text, 3000, map[string]uint64{"header": 1, "columns": 1}, ""},
		{"text, gzip", zipped(t, text), 3000, map[string]uint64{"header": 1, "columns": 1}, ""},
		{"two gzip members", append(zipped(t, []byte(beacon+"\n")), zipped(t, []byte(beacon))...), 2, map[string]uint64{}, ""},
		{"argus", argus, 274, map[string]uint64{"management": 2}, ""},
		{"argus, gzip", zipped(t, argus), 274, map[string]uint64{"management": 2}, ""},
		{"empty", nil, 0, map[string]uint64{}, ""},
		{"empty, gzip", zipped(t, nil), 0, map[string]uint64{}, ""},
		{"cut gzip", zipped(t, text)[:2000], -1, nil, "unexpected EOF"},
		{"cut argus", argus[:1000], -1, nil, "ends in the middle of a record"},
		{"bad gzip", []byte("\x1f\x8bxxxxxxxxxxxx"), 0, map[string]uint64{}, "reading gzip"},
		{"gzip in gzip", zipped(t, zipped(t, text)), 0, map[string]uint64{}, "compressed twice"},
		{"pcap", []byte("\xd4\xc3\xb2\xa1\x02\x00"), 0, map[string]uint64{}, "argus -X -r FILE"},
		{"bzip2", []byte("BZh91AY"), 0, map[string]uint64{}, "bzip2 -dc"},
		{"xz", []byte("\xfd7zXZ\x00\x00"), 0, map[string]uint64{}, "xz -dc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "flows")
			if err := os.WriteFile(path, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := ParseSource("file:"+path, Options{Number: 7, Joining: Joining{Off: true}})
			if err != nil {
				t.Fatal(err)
			}
			flows, err := collect(t, t.Context(), s)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("%v, want %q", err, tt.err)
			}
			stats := s.Stats()
			if want := map[bool]State{true: StateEnded, false: StateFailed}[tt.err == ""]; stats.State != want {
				t.Errorf("state %s, want %s", stats.State, want)
			}
			if tt.flows < 0 {
				return
			}
			if d := cmp.Diff(tt.skipped, stats.Skipped); len(flows) != tt.flows || stats.Flows != uint64(tt.flows) || d != "" {
				t.Errorf("%d flows, want %d, skipped %s", len(flows), tt.flows, d)
			}
			for _, f := range flows {
				if f.Source != 7 || f.Line == 0 {
					t.Fatalf("a flow of source %d, line %d", f.Source, f.Line)
				}
			}
			if tt.err == "" && (stats.Read != int64(len(tt.data)) || stats.Size != stats.Read) {
				t.Errorf("%d of %d bytes read, want all %d", stats.Read, stats.Size, len(tt.data))
			}
		})
	}
}

func TestFileSourceFailsClearly(t *testing.T) {
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "no such file", t.TempDir(): "is a folder",
	} {
		s, err := ParseSource(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := collect(t, t.Context(), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if s.Stats().State != StateFailed || s.Stats().Error == "" {
			t.Errorf("%+v", s.Stats())
		}
	}
}

// pipeSource reads a pipe as it would standard input.
func pipeSource(t *testing.T) (Source, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	s := newFileSource("-", "-", Options{Log: slog.New(slog.DiscardHandler)})
	s.open = func() (*File, Format, error) { return openFile(r, "the pipe") }
	return s, w
}

// Every line is delivered as soon as it is complete; a stop ends the waiting for
// the next one, and loses nothing of what has arrived.
func TestPipeIsReadAtOnceAndStops(t *testing.T) {
	s, w := pipeSource(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := make(chan []Flow)
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, out) }()
	write := func(text string) {
		t.Helper()
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		write(beacon + "\n2018") // a line, and the beginning of the next
		if b := <-out; len(b) != 1 {
			t.Fatalf("a batch of %d, want 1", len(b))
		}
		write(beacon[4:] + "\n")
		if b := <-out; len(b) != 1 {
			t.Fatalf("a batch of %d, want 1", len(b))
		}
	}
	testenv.Until(t, "four flows are counted", func() bool { return s.Stats().Flows == 4 })
	if got := s.Stats(); got.State != StateLive {
		t.Errorf("%+v", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.State != StateStopped {
		t.Errorf("%+v", got)
	}
}

func TestPipeThatNobodyWritesToStops(t *testing.T) {
	s, _ := pipeSource(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if flows, err := collect(t, ctx, s); len(flows) > 0 || err != nil {
		t.Errorf("%d flows, %v", len(flows), err)
	}
}

// slowReader gives what is sent to it; a Read cannot be interrupted.
type slowReader struct{ data chan string }

func (s slowReader) Read(p []byte) (int, error) {
	d, ok := <-s.data
	if !ok {
		return 0, io.EOF
	}
	return copy(p, d), nil
}

func TestStopReaderLeavesABlockedRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		in := slowReader{make(chan string)}
		r := newStopReader(ctx, in, func() bool { return false })
		in.data <- "first"
		got := make([]byte, 100)
		n, err := r.Read(got)
		if string(got[:n]) != "first" || err != nil {
			t.Fatalf("%q, %v", got[:n], err)
		}
		synctest.Wait() // the next Read is blocked
		stop()
		if _, err := r.Read(got); !errors.Is(err, errStopped) {
			t.Fatalf("%v, want %v", err, errStopped)
		}
		r.Close()
		in.data <- "too late" // and its goroutine ends with it
	})
}

func TestStopReaderGivesWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		in := slowReader{make(chan string, 1)}
		r := newStopReader(ctx, in, nil)
		defer r.Close()
		in.data <- "read before the stop"
		synctest.Wait()
		stop()
		all, err := io.ReadAll(r)
		if string(all) != "read before the stop" || !errors.Is(err, errStopped) {
			t.Fatalf("%q, %v", all, err)
		}
	})
}

// outletOf feeds an outlet with n flows.
func outletOf(ctx context.Context, n int, out chan []Flow) (*status, func() error) {
	o := outlet{out: out, stop: ctx, status: newStatus("test"), log: slog.New(slog.DiscardHandler)}
	return o.status, func() error {
		return o.run(NewText(strings.NewReader(strings.Repeat(beacon+"\n", n)), TextOptions{}))
	}
}

func TestOutletWaitsForDetection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := make(chan []Flow)
		s, run := outletOf(t.Context(), 3000, out)
		ended := make(chan error, 1)
		go func() { ended <- run() }()
		time.Sleep(time.Hour)
		got := 0
		for got < 3000 {
			got += len(<-out)
		}
		if err := <-ended; err != nil || s.Stats().Dropped != 0 || s.Stats().Stalls == 0 || s.Stats().Flows != 3000 {
			t.Errorf("%v, %+v", err, s.Stats())
		}
	})
}

func TestOutletGivesUpOnlyAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		out := make(chan []Flow)
		s, run := outletOf(ctx, 1, out)
		stop()
		time.AfterFunc(deliverWait-time.Second, func() { <-out })
		if err := run(); err != nil || s.Stats().Flows != 1 {
			t.Errorf("a late receiver: %v, %+v", err, s.Stats())
		}
		_, run = outletOf(ctx, 1, out)
		began := time.Now()
		if err := run(); !errors.Is(err, errNotTaken) || time.Since(began) != deliverWait {
			t.Errorf("no receiver: %v after %v", err, time.Since(began))
		}
	})
}

func TestBackoff(t *testing.T) {
	var b backoff
	for i, want := range []time.Duration{500, 1000, 2000, 4000, 8000, 16000, 30000, 30000} {
		want *= time.Millisecond
		if got := b.next(0); got > want || got < want*3/4 {
			t.Errorf("attempt %d: %v, want %v to %v", i, got, want*3/4, want)
		}
	}
	if got := b.next(goodRun); got > minBackoff {
		t.Errorf("after a good run: %v", got)
	}
}

func TestConfigure(t *testing.T) {
	got := configure("A=1\n#B=2\nB=3\nBB=4\n", "B=5", "A=", "C=6")
	if want := "#B=2\nBB=4\nB=5\nC=6\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What the program relies on in the file that is shipped.
func TestShippedConfiguration(t *testing.T) {
	for _, want := range []string{"ARGUS_BIND_IP=\"127.0.0.1\"\n", "ARGUS_ACCESS_PORT=902\n", "ARGUS_CAPTURE_DATA_LEN=0\n"} {
		if !strings.Contains(packaging.ArgusConf, "\n"+want) {
			t.Errorf("argus.conf lacks %s", want)
		}
	}
}
