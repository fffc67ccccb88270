package argusfeed

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// settings gives the lines of a configuration that set one of these names.
func settings(conf string, names ...string) []string {
	var got []string
	for line := range strings.Lines(conf) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), "=")
		for _, n := range names {
			if ok && name == n {
				got = append(got, strings.TrimSpace(line))
			}
		}
	}
	return got
}

func TestServiceConf(t *testing.T) {
	names := []string{"ARGUS_INTERFACE", "ARGUS_ACCESS_PORT", "ARGUS_BIND_IP", "ARGUS_SETUSER_ID", "ARGUS_FLOW_STATUS_INTERVAL"}
	for _, test := range []struct {
		name, own, iface string
		want             []string
	}{
		{
			"nothing of the admin's", "# a comment\n#ARGUS_INTERFACE=lan9\n", "eth0",
			[]string{`ARGUS_ACCESS_PORT=9561`, `ARGUS_BIND_IP="127.0.0.1"`, "ARGUS_FLOW_STATUS_INTERVAL=0.25", "ARGUS_INTERFACE=eth0"},
		},
		{
			"the admin's come in place of ours", "ARGUS_INTERFACE=lan0\n ARGUS_FLOW_STATUS_INTERVAL=5", "",
			[]string{`ARGUS_ACCESS_PORT=9561`, `ARGUS_BIND_IP="127.0.0.1"`, "ARGUS_INTERFACE=lan0", "ARGUS_FLOW_STATUS_INTERVAL=5"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if named := namesInterface(test.own); named != (test.iface == "") {
				t.Errorf("an interface is named: %v", named)
			}
			if diff := cmp.Diff(test.want, settings(serviceConf(test.own, test.iface), names...)); diff != "" {
				t.Errorf("the configuration differs (-want +got):\n%s", diff)
			}
		})
	}
}
