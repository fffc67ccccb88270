package argusfeed

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// repeated gives the flow records of a fixture again and again, after its first
// record, n bytes at least.
func repeated(b *testing.B, file string, n int) (stream []byte, flows int) {
	b.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	stream = append(stream, data[:argusManagementLen]...)
	var records []byte
	count := 0
	for rest := data; len(rest) > 0; rest = rest[argusRecordLen(rest):] {
		if rest[0]>>4 == argusFlow {
			records = append(records, rest[:argusRecordLen(rest)]...)
			count++
		}
	}
	for len(stream) < n {
		stream = append(stream, records...)
		flows += count
	}
	return stream, flows
}

func BenchmarkArgus(b *testing.B) {
	for _, fixture := range []string{"mixed-plain", "mixed-rich"} {
		stream, flows := repeated(b, "testdata/fixtures/"+fixture+".argus", 8<<20)
		run := func(name string, each func(rec *Record)) {
			b.Run(fixture+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(stream)))
				b.ReportAllocs()
				r := bytes.NewReader(stream)
				tcpStates() // made once for the process, not for a stream
				var rec Record
				for b.Loop() {
					r.Reset(stream)
					a := NewArgus(r)
					for a.Next(&rec) == nil {
						each(&rec)
					}
					if a.Counts().Flows != uint64(flows) {
						b.Fatal(a.Counts())
					}
				}
				b.ReportMetric(float64(flows)*float64(b.N)/b.Elapsed().Seconds(), "flows/s")
			})
		}
		run("decode", func(*Record) {})
		var line []byte
		p := RaPrinter{RaFaults: true}
		run("print", func(rec *Record) { line = p.AppendRecord(line[:0], rec) })
	}
}

// TestArgusAllocatesNothing per record, decoding or printing.
func TestArgusAllocatesNothing(t *testing.T) {
	for _, file := range []string{"mixed-plain", "mixed-rich"} {
		data, err := os.ReadFile("testdata/fixtures/" + file + ".argus")
		if err != nil {
			t.Fatal(err)
		}
		r := bytes.NewReader(data)
		a := NewArgus(r)
		p := RaPrinter{RaFaults: true}
		line := make([]byte, 0, 4096)
		var rec Record
		again := func() {
			r.Reset(data)
			for {
				err := a.Next(&rec)
				if errors.Is(err, io.EOF) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				line = p.AppendRecord(line[:0], &rec)
			}
		}
		if n := testing.AllocsPerRun(20, again); n > 0 {
			t.Errorf("%s: %v allocations", file, n)
		}
	}
}
