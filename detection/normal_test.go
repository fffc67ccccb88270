package detection

import (
	"testing"
	"time"

	"slips-ips/models"
)

// A normal model that is outweighed is named in the detection.
func TestOutweighedNormalModelIsNamed(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	bad, good := beaconModel("b.toml"), beaconModel("n.toml")
	good.Label, good.Class = "From-Normal-TCP-Any-Clock-1", models.ClassNormal
	for _, c := range []struct {
		name     string
		evidence float64
		want     string
	}{{"with little evidence", 0.5, good.Label}, {"decisive", models.Decisive, ""}} {
		limits := *good.Behaviour
		limits.Evidence = c.evidence
		good.Behaviour = &limits
		d, err := New(deaf(t), []models.Model{bad, good}, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		found := d.Observe(beat(web, 0, time.Minute, 12))
		if (len(found) > 0) != (c.want != "") {
			t.Fatalf("%s: %d detections", c.name, len(found))
		}
		for _, f := range found {
			if f.Normal != c.want {
				t.Errorf("%s: outweighed %q, want %q", c.name, f.Normal, c.want)
			}
		}
	}
}
