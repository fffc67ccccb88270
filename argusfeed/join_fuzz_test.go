package argusfeed

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"
)

// FuzzJoining: whatever the records, all are joined into flows without losing a
// byte that is no stray, and no more are held than allowed.
func FuzzJoining(f *testing.F) {
	s := &synth{Rand: rand.New(rand.NewPCG(7, 8))}
	for range 20 {
		var b []byte
		for range 6 {
			b = append(b, s.record()...)
		}
		f.Add(b, uint8(s.IntN(256)))
	}
	for _, name := range []string{"mixed-plain.argus", "restart.argus"} {
		f.Add(fixture(f, name)[argusManagementLen:2000], uint8(9))
	}
	head := fixture(f, "restart.argus")[:argusManagementLen]
	f.Fuzz(func(t *testing.T, data []byte, how uint8) {
		const most = 5
		opt := TextOptions{Joining: Joining{MaxFlows: most, Growing: how&1 != 0, Interval: time.Duration(how>>4) * time.Second}}
		whole := newRecords(bytes.NewReader(append(bytes.Clone(head), data...)), opt)
		single := NewArgus(bytes.NewReader(append(bytes.Clone(head), data...)))
		var records, flows uint64
		var rec Record
		for single.Next(&rec) == nil {
			if rec.Kind == KindFlow {
				records++
			}
		}
		now := time.Unix(0, 0)
		for {
			var flow Flow
			err := whole.Next(&flow)
			var skip *SkipError
			var bad *ArgusError
			if err == nil && flow.Part.Over() {
				flows++
			}
			if h := whole.Joined().Held; h > most+maxProbes || h < 0 { // one more where only it is held
				t.Fatalf("%d are held", h)
			}
			if err != nil && !errors.As(err, &skip) {
				if !errors.Is(err, io.EOF) && !errors.As(err, &bad) {
					t.Fatal(err)
				}
				break
			}
			now = now.Add(time.Duration(how) * time.Second)
			whole.Tick(now)
		}
		s := whole.Joined()
		if s.Held != 0 || flows+s.Merged+s.Strays != records {
			t.Fatalf("%d records became %d flows: %+v", records, flows, s)
		}
	})
}
