package agent

import (
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	var r rate
	now := time.Unix(1000, 0)
	if r.perSecond() != 0 || r.grew() != 0 {
		t.Error("something before anything")
	}
	for i := range 100 {
		r.add(now.Add(time.Duration(i)*time.Second), uint64(100*i))
		if got := r.perSecond(); i > 0 && got != 100 {
			t.Fatalf("after %d s: %v a second, want 100", i, got)
		}
		if len(r.samples) > 12 {
			t.Fatalf("%d samples are kept", len(r.samples))
		}
	}
	for i := range 11 { // nothing more comes
		r.add(now.Add(time.Duration(100+i)*time.Second), 9900)
	}
	if r.perSecond() != 0 || r.grew() != 0 {
		t.Errorf("%v a second, grew by %d, after ten seconds of nothing", r.perSecond(), r.grew())
	}
	r.add(now.Add(200*time.Second), 5) // begun anew
	if r.perSecond() != 0 {
		t.Errorf("%v a second after it began anew", r.perSecond())
	}
}
