package metrics

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		text, err string
	}{
		{``, ""},
		{`listen = ""`, ""},
		{`listen = "127.0.0.1:9560"`, ""},
		{`listen = "127.7.0.1:9560"`, ""},
		{`listen = "[::1]:9560"`, ""},
		{`listen = "[::ffff:127.0.0.1]:9560"`, ""},
		{`listen = "unix:/run/slips-ips/metrics.sock"`, ""},
		{"listen = \"0.0.0.0:9560\"\nallow_remote = true", ""},
		{`listen = "0.0.0.0:9560"`, `listen: "0.0.0.0:9560" is not allowed: others than this host can reach it`},
		{`listen = "[::]:9560"`, "others than this host"},
		{`listen = "192.0.2.1:9560"`, "allow_remote = true"},
		{`listen = ":9560"`, "neither an address"},
		{`listen = "localhost:9560"`, "in numbers"},
		{`listen = "127.0.0.1"`, "neither an address"},
		{`listen = "127.0.0.1:0"`, "port must be"},
		{`listen = "127.0.0.1:70000"`, "neither an address"},
		{`listen = "unix:metrics.sock"`, "must begin with /"},
		{`listen = "unix:"`, "must begin with /"},
		{`listen = "unix:/` + strings.Repeat("a", 107) + `"`, "at most 107 bytes"},
	} {
		c := DefaultConfig()
		if _, err := toml.Decode(tt.text, &c); err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		err := c.Validate()
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.err)
		}
		if _, nerr := New(c, nil, nil); (nerr == nil) != (err == nil) {
			t.Errorf("%s: New: %v", tt.text, nerr)
		}
	}
	if DefaultConfig().Enabled() {
		t.Error("the default configuration listens")
	}
}
