package enforce

import (
	"testing"
	"time"
)

// A pause in the middle of a listing or of a restore ends it: the places that
// it stood at are gone.
func TestPauseWhileWalking(t *testing.T) {
	e, _ := dryRun(t, 10_000, noneProtected)
	apply(t, e, many(2*pageSize, time.Hour)...)
	n, later := 0, many(2*pageSize+1, time.Hour)[2*pageSize]
	for range e.Newest() {
		if n++; n > 1 {
			continue
		}
		if _, err := e.Pause(); err != nil {
			t.Fatal(err)
		}
		if err := e.Resume(); err != nil {
			t.Fatal(err)
		}
		apply(t, e, later)
	}
	if n != pageSize {
		t.Errorf("%d blocks listed, not the page of %d that was there before the pause", n, pageSize)
	}

	m := newMirror(time.Now)
	for i := range 3 {
		m.put(numberedKey(i), Active{State: StateMissing, Until: time.Now().Add(time.Hour)})
	}
	keys, at, _ := m.walk(nil, pageEnd{}, false, 2, time.Now())
	m.clear()
	if more, _, _ := m.walk(nil, at, false, 2, time.Now()); len(keys) != 2 || len(more) != 0 {
		t.Errorf("%d keys, then %d of an empty mirror", len(keys), len(more))
	}
}
