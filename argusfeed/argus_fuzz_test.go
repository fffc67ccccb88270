package argusfeed

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// FuzzArgus: whatever the stream, the decoder ends with an error of its own or
// the end, gives nothing out together with an error, and keeps little.
func FuzzArgus(f *testing.F) {
	files, err := filepath.Glob("testdata/fixtures/*.argus")
	if err != nil || len(files) == 0 {
		f.Fatal("no fixtures", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), 1500)])
		f.Add(data[:130])
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		f.Fatal(err)
	}
	s := &synth{Rand: rand.New(rand.NewPCG(5, 6))}
	for range 30 {
		b := bytes.Clone(data[:argusManagementLen])
		for range 3 {
			b = append(b, s.record()...)
		}
		f.Add(b)
	}
	for _, version := range []byte{3, 5} { // as followed files that were truncated
		f.Add(append(argusHead(version), data[argusManagementLen:1000]...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := NewArgus(bytes.NewReader(data))
		p := RaPrinter{RaFaults: true}
		q := RaPrinter{PlainState: true, UnixTime: true}
		var line []byte
		var total int64
		for n := uint64(1); ; n++ {
			rec := Record{Version: 99}
			if err := a.Next(&rec); err != nil {
				if rec != (Record{Version: 99}) {
					t.Fatalf("%v, and a record: %v", err, rec)
				}
				var bad *ArgusError
				if !errors.Is(err, io.EOF) && !errors.As(err, &bad) {
					t.Fatalf("an error of another kind: %v", err)
				}
				_ = err.Error()
				break
			}
			if rec.Dur < 0 || rec.Bytes < rec.SrcBytes || rec.Packets < rec.SrcPackets {
				t.Fatalf("impossible: %+v", rec)
			}
			line = q.AppendRecord(p.AppendRecord(line[:0], &rec), &rec)
			if rec.Kind != KindOther == (len(line) == 0) {
				t.Fatalf("kind %d prints as %q", rec.Kind, line)
			}
			if rec.Kind != KindOther && len(line) > 1000 {
				t.Fatalf("a line of %d bytes", len(line))
			}
			c := a.Counts()
			if c.Flows+c.Management+c.Other != n {
				t.Fatalf("%d records, counted %+v", n, c)
			}
			if total = a.Offset(); total > int64(len(data)) || a.Buffered() < 0 {
				t.Fatalf("%d bytes of %d decoded", total, len(data))
			}
		}
		if len(a.buf) > argusMaxRecord {
			t.Fatalf("the buffer has grown to %d", len(a.buf))
		}
	})
}
