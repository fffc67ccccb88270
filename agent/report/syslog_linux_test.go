package report

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slips-ips/agent/history"
	"slips-ips/internal/testenv"
)

// freePort gives a port of loopback that was free a moment ago.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// A real rsyslogd reads what we send, on every way and in both forms.
func TestSyslogToRsyslog(t *testing.T) {
	rsyslogd := testenv.Program(t, "rsyslogd")
	dir := t.TempDir()
	port := freePort(t)
	sock, out, conf := filepath.Join(dir, "log"), filepath.Join(dir, "out"), filepath.Join(dir, "conf")
	text := fmt.Sprintf(`
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
module(load="imtcp")
input(type="imuxsock" Socket="%s" CreatePath="on" UseSpecialParser="off" ParseHostname="on")
input(type="imudp" port="%d" address="127.0.0.1")
input(type="imtcp" port="%d" address="127.0.0.1")
template(name="t" type="string" string="%%inputname%%,%%protocol-version%%,%%syslogfacility-text%%.%%syslogseverity-text%%,%%hostname%%,%%programname%%,%%msg%%\n")
action(type="omfile" file="%s" template="t" flushOnTXEnd="on")
`, sock, port, port, out)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(rsyslogd, "-n", "-f", conf, "-i", filepath.Join(dir, "pid"))
	said := &tail{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said)
		}
	}()
	testenv.Until(t, "listening", func() bool {
		_, err := os.Stat(sock)
		if err != nil {
			return false
		}
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})

	for _, tt := range []struct{ input, address string }{
		{"imuxsock", "unix:" + sock}, {"imudp", fmt.Sprint("udp://127.0.0.1:", port)}, {"imtcp", fmt.Sprint("tcp://127.0.0.1:", port)},
	} {
		for _, format := range []SyslogFormat{RFC5424, RFC3164} {
			t.Run(tt.input+" "+string(format), func(t *testing.T) {
				r := testReporter(t, func(c *Config) {
					c.Syslog.Address, c.Syslog.Format, c.Syslog.Facility = tt.address, format, "local3"
				}, testOptions(t))
				e := testEvent(history.KindAlert, hostileTuple(t))
				e.ID = tt.input + string(format)
				r.Event(e)
				mustClose(t, r)
				if o := only(t, r); o.Sent != 1 || o.To != tt.address {
					t.Errorf("%+v", o)
				}
				var line string
				testenv.Until(t, "in the log", func() bool {
					b, err := os.ReadFile(out)
					if err != nil {
						return false
					}
					for l := range strings.Lines(string(b)) {
						if strings.Contains(l, "externalId="+e.ID+" ") {
							line = strings.TrimSuffix(l, "\n")
							return true
						}
					}
					return false
				})

				want := []string{tt.input, "1", "local3.notice", "router", "slips-ips"}
				if format == RFC3164 {
					want[1] = "0"
				}
				got := strings.SplitN(line, ",", 6)
				if tt.input == "imuxsock" && format == RFC3164 {
					want[3] = got[3] // the host's own: /dev/log has none in its messages
				}
				if fmt.Sprint(got[:5]) != fmt.Sprint(want) {
					t.Errorf("%q, want %q", got[:5], want)
				}
				if msg := strings.TrimSpace(got[5]); msg != cef(&item{event: &e}, "1.2.3") {
					t.Errorf("%q", msg)
				}
			})
		}
	}
}

func TestSyslogMessage(t *testing.T) {
	e := lift(t, "x")
	s := &syslog{s: socket{network: "tcp"}, format: RFC5424, facility: 3, host: "a b\nc", version: "1", pid: 42}
	length, rest, _ := strings.Cut(string(s.message(&item{event: &e})), " ")
	if length != fmt.Sprint(len(rest)) || !strings.HasPrefix(rest, "<30>1 2026-03-17T07:21:32.780708Z abc slips-ips 42 lift - CEF:0|") {
		t.Errorf("%s %s", length, rest)
	}
}
