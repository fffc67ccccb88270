package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slips-ips/argusfeed"
)

// What the argus of our service is told is what doctor says of it.
func TestCaptures(t *testing.T) {
	for _, tt := range []struct {
		name, url, conf string
		want            []string
		fails           string
	}{
		{"named", argusfeed.ServiceURL, "ARGUS_INTERFACE=lo\n", []string{"lo"}, ""},
		{"all", argusfeed.ServiceURL, "ARGUS_INTERFACE=any\n", []string{"any"}, ""},
		{"misspelt", argusfeed.ServiceURL, "# mine\nARGUS_INTERFACE=lop\n", nil, "argus.conf, line 2"},
		{"junk", argusfeed.ServiceURL, "lo\n", nil, `line 1: "lo" is no setting`},
		{"of somebody else", "argus://127.0.0.1:561", "lo\n", nil, ""},
		{"spawned", "spawn:lo", "", []string{"lo"}, ""},
		{"spawned on the way out", "spawn:", "", []string{"wan0"}, ""},
		{"spawned on what is not there", "spawn:lop", "", nil, "there is no interface lop"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &doctor{argusConf: filepath.Join(t.TempDir(), "argus.conf")}
			if err := os.WriteFile(d.argusConf, []byte(tt.conf), 0o600); err != nil {
				t.Fatal(err)
			}
			got, _, err := d.captures(tt.url, []string{"wan0"})
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("%v, want %q", err, tt.fails)
				}
				return
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%q (%v), want %q", got, err, tt.want)
			}
		})
	}
}
