package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
)

// printed runs PrintFlows and gives what it printed and logged.
func printed(t *testing.T, opt PrintOptions) (out, log string, err error) {
	t.Helper()
	var o, l bytes.Buffer
	opt.Out, opt.Log = &o, slog.New(slog.NewTextHandler(&l, nil))
	err = PrintFlows(t.Context(), opt)
	return o.String(), l.String(), err
}

// Text is printed as it came, in the order of our ra.conf; bad lines are told
// once a kind.
func TestPrintFlowsOfText(t *testing.T) {
	const rows = "2026/03/01 12:00:00.000000,0.300000,tcp,10.77.0.1,40000,   ->,203.0.113.9,80,FSPA_FSPA,0,,10,1200\n" +
		"2026/03/01 12:00:01.500000,59.517818,\"a,\"\"b\",10.77.0.1,,  <->,203.0.113.9,0x0800,CON,,,2,200\n"
	const man = "2026/03/01 12:00:01.000000,5.0,man,0,7,,4,1,CON,,,100,2000\n"
	path := writeFile(t, "flows", []byte(argusfeed.RaHeader+"\n"+rows[:90]+"\n"+man+rows+"junk\njunk\n\n"))
	out, log, err := printed(t, PrintOptions{Files: []string{path, path}})
	if want := argusfeed.RaHeader + "\n" + rows + rows; err != nil || out != want {
		t.Errorf("%v, printed\n%swant\n%s", err, out, want)
	}
	if strings.Count(log, "kind=columns") != 1 || strings.Count(log, "\n") != 1 {
		t.Errorf("logged, want a line for two bad ones:\n%s", log)
	}

	fields, err := argusfeed.ParseRaFields("dport seq dur sbytes stime")
	if err != nil {
		t.Fatal(err)
	}
	out, _, err = printed(t, PrintOptions{Files: []string{path}, Fields: fields, RaFaults: true})
	want := "Dport,Seq,Dur,SrcBytes,StartTime\n80,0,0.300000,0,2026/03/01 12:00:00.000000\n0x0800,0,59.517818,0,2026/03/01 12:00:01.500000\n"
	if err != nil || out != want {
		t.Errorf("%v, printed\n%swant\n%s", err, out, want)
	}
}

// What stands before an error is printed; an input without a record prints
// nothing, as with ra.
func TestPrintFlowsOfBrokenInput(t *testing.T) {
	argus, err := os.ReadFile(filepath.Join("..", "argusfeed", "testdata", "fixtures", "mixed-plain.argus"))
	if err != nil {
		t.Fatal(err)
	}
	other := []byte{0x43, 0x20, 0, 2, 0, 0, 0, 0} // an event
	for _, tt := range []struct {
		name string
		data []byte
		rows int
		err  string
		log  string
	}{
		{"empty", nil, 0, "", ""},
		{"cut", argus[:1000], 7, "ends in the middle of a record", ""},
		{"other records", append(append(argus[:128:128], other...), argus[128:]...), 277, "", "kind=record"},
		{"no Argus stream", []byte("\x83xxxxxxxxxxxxxxxx"), 0, "printing ", ""},
		{"no flow", []byte("junk\n"), 0, "the input has no flow: all its 1 lines were skipped", "kind=columns"},
		{"pcap", []byte("\xd4\xc3\xb2\xa1\x02\x00"), 0, "argus -X -r FILE", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, log, err := printed(t, PrintOptions{Files: []string{writeFile(t, "flows", tt.data)}})
			if rows := strings.Count(out, "\n"); rows != tt.rows {
				t.Errorf("%d lines, want %d", rows, tt.rows)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v, want %q", err, tt.err)
			}
			if tt.log == "" && log != "" || !strings.Contains(log, tt.log) {
				t.Errorf("logged %q, want %q", log, tt.log)
			}
		})
	}
}

const printedRow = "2026/03/01 12:00:00.000000,0.300000,tcp,10.77.0.1,40000,   ->,203.0.113.9,80,FSPA_FSPA,0,,10,1200\n"

// A record is printed as soon as it has come, however few there are.
func TestPrintFlowsDoesNotWaitForMore(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	path := filepath.Join(t.TempDir(), "fifo")
	in := fifo(t, path)
	ended := make(chan error, 1)
	go func() {
		ended <- PrintFlows(t.Context(), PrintOptions{Files: []string{path}, Out: w})
	}()
	for _, want := range []string{argusfeed.RaHeader + "\n" + printedRow, printedRow} {
		if _, err := in.WriteString(printedRow); err != nil {
			t.Fatal(err)
		}
		_ = r.SetReadDeadline(time.Now().Add(10 * time.Second))
		got := make([]byte, len(want)+1)
		n, err := r.Read(got)
		if string(got[:n]) != want {
			t.Fatalf("%q, %v, want %q", got[:n], err, want)
		}
	}
	r.Close() // nobody reads any more
	for range 2 {
		if _, err := in.WriteString(printedRow); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the end of the reader is no error: %v", err)
	}
}

func TestPrintFlowsOfASilentPipeCanBeStopped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	in := fifo(t, path)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- PrintFlows(ctx, PrintOptions{Files: []string{path}, Out: w}) }()
	if _, err := in.WriteString(printedRow); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
