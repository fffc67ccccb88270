package detection

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// The newest contacts are told as the flows were, however many there have been.
func TestExplainContacts(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	for _, n := range []int{1, 2, 5, models.MaxContacts - 1, models.MaxContacts, models.MaxContacts + 1, 3 * models.MaxContacts} {
		d, err := New(deaf(t), []models.Model{beaconModel("c.toml")}, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		flows := beat(web, 0, 90*time.Second, n)
		for i := range flows {
			flows[i].Start = flows[i].Start.Add(time.Duration(i%3) * time.Second)
			flows[i].Bytes = uint64(1000 + i)
		}
		d.Observe(flows)
		e, ok := d.Explain(web)
		if !ok {
			t.Fatal("the tuple is not known")
		}
		var want []Contact
		if n > 1 { // one flow has no contacts yet
			for _, f := range flows[max(0, n-models.MaxContacts):] {
				want = append(want, Contact{f.Start, f.Bytes})
			}
		}
		near := cmp.Comparer(func(a, b argusfeed.Time) bool { return a.Sub(b).Abs() < time.Millisecond })
		if diff := cmp.Diff(want, e.Contacts, near); diff != "" {
			t.Errorf("%d flows: %s", n, diff)
		}
	}
	d, err := New(referenceConfig(time.Hour), letterModels(), Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	d.Observe(beat(web, 0, 10*time.Second, 8))
	if e, ok := d.Explain(web); !ok || e.Contacts != nil {
		t.Errorf("slips-0.3.3 remembers no contacts: %v", e.Contacts)
	}
}
