package agent

import (
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
)

// A block that the kernel does not take at first is told of again once it is in
// force, counts as others do, and is restored after a reboot.
func TestBlockedLater(t *testing.T) {
	r := newRouter(t)
	dir := t.TempDir()
	o, book, stop := enforcing(t, r.Router, dir, nil)
	// Somebody else takes the name of our table, and gives it back.
	nft(t, r.Router, "delete table inet slips; add table inet slips; add chain inet slips theirs")
	tuple := labTuple(8080)
	if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: tuple, Duration: time.Hour}); err == nil {
		t.Fatal("it is blocked in somebody else's table")
	}
	if !passes(r, 8080, passTime) {
		t.Fatal("it is blocked")
	}
	nft(t, r.Router, "delete table inet slips")
	testenv.Until(t, "it is told", func() bool {
		return len(book.find("blocked, later than decided: the kernel did not take it at first")) == 1
	})
	if passes(r, 8080, dropTime) {
		t.Error("it is told, and passes")
	}
	if err := ask(t.Context(), o.deciding, func() {
		o.decider.hearEnds()
		if spent := o.decider.ledger.Spent(tuple, argusfeed.TimeOf(time.Now())); spent.Source != 1 {
			t.Errorf("it is not counted: %+v", spent)
		}
	}); err != nil {
		t.Fatal(err)
	}
	flushHistory(t, o.Agent)
	page, err := o.Events(t.Context(), history.Query{Kinds: []history.Kind{history.KindBlock}})
	if err != nil || len(page.Events) != 2 || page.Events[0].Error != "" || page.Events[0].By == nil || page.Events[1].Error == "" {
		t.Errorf("%+v, %v", page, err)
	}
	stop()
	nft(t, r.Router, "flush ruleset")
	_, book, _ = enforcing(t, r.Router, dir, nil)
	if len(book.find("restored blocks of before")) != 1 || passes(r, 8080, dropTime) {
		t.Error("it is not restored")
	}
}
