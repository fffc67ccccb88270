package report

import (
	"bytes"
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
)

// checkJSONText checks that the last field of an object is a text.
func checkJSONText(t *testing.T, b []byte, want string) {
	t.Helper()
	var got struct{ K string }
	if err := json.Unmarshal(b, &got); err != nil || got.K != want {
		t.Errorf("%q: %q, %v; want %q", b, got.K, err, want)
	}
}

// eveTypes are the types of Suricata's fields, as its documentation has them.
var eveTypes = map[string]string{
	"timestamp": "string", "flow_id": "number", "in_iface": "string", "event_type": "string", "src_ip": "string", "src_port": "number",
	"dest_ip": "string", "dest_port": "number", "proto": "string", "host": "string", "alert": "object", "drop": "object", "flow": "object",
	"stats": "object", "alert.action": "string", "alert.gid": "number", "alert.signature_id": "number", "alert.rev": "number",
	"alert.signature": "string", "alert.category": "string", "alert.severity": "number", "alert.metadata": "object", "drop.reason": "string",
	"flow.bytes_toserver": "number", "flow.bytes_toclient": "number", "flow.start": "string", "flow.end": "string", "flow.age": "number",
	"flow.state": "string", "flow.alerted": "boolean", "stats.uptime": "number", "stats.capture": "object", "stats.detect": "object",
	"stats.flow": "object", "slips": "object",
}

// suricataTime is the form that Suricata's schema asks of a timestamp.
var suricataTime = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+[+\-]\d+$`)

// Every field that is not under slips is one of Suricata's, with its type.
func TestEVEFields(t *testing.T) {
	kinds := map[string]int{}
	for line := range bytes.Lines(eveLines(t)) {
		if bytes.IndexFunc(line[:len(line)-1], func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) >= 0 {
			t.Errorf("a control character in %q", line)
		}
		var e map[string]any
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		kinds[e["event_type"].(string)]++
		if !suricataTime.MatchString(e["timestamp"].(string)) {
			t.Errorf("timestamp %v", e["timestamp"])
		}
		if ip, ok := e["src_ip"].(string); ok && net.ParseIP(ip) == nil {
			t.Errorf("src_ip %v is no address: an index of addresses takes no other", ip)
		}
		var look func(path string, v map[string]any)
		look = func(path string, v map[string]any) {
			for key, value := range v {
				kind := map[bool]string{true: "null"}[value == nil]
				switch value.(type) {
				case string:
					kind = "string"
				case float64:
					kind = "number"
				case bool:
					kind = "boolean"
				case map[string]any:
					kind = "object"
				}
				if want := eveTypes[path+key]; want != kind {
					t.Errorf("%s%s is a %s, want %q", path, key, kind, want)
				}
				if kind == "object" && key != "slips" && key != "metadata" && path == "" && key != "stats" {
					look(key+".", value.(map[string]any))
				}
			}
		}
		look("", e)
	}
	want := map[string]int{"alert": 5, "drop": 2, "flow": 3, "slips": 4, "stats": 1}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Error(d)
	}
}

// jq reads every line, and keeps the numbers.
func TestEVEWithJQ(t *testing.T) {
	jq := testenv.Program(t, "jq")
	cmd := exec.Command(jq, "-r", `select(.event_type=="drop" or .event_type=="flow") | "\(.flow_id) \(.dest_ip) \(.dest_port)"`)
	cmd.Stdin = bytes.NewReader(eveLines(t))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	const usual = "1943146320056636 203.0.113.9 443\n"
	if got := strings.ReplaceAll(string(out), usual, "."); got != "...1511612392006432 2001:db8::9 null\n." {
		t.Errorf("%q", got)
	}
}

// fever is a router of Suricata's events in Debian. It parses each line into
// typed fields and passes them on.
func TestEVEWithFever(t *testing.T) {
	fever := testenv.Program(t, "fever")
	dir := t.TempDir()
	in, out, log := filepath.Join(dir, "in"), filepath.Join(dir, "out"), filepath.Join(dir, "log")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: out, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := exec.Command(fever, "run", "-i", in, "-o", out, "-T", "--dummy", "--mgmt-socket", filepath.Join(dir, "m"),
		"--mgmt-host", "", "--logfile", log, "-n", "1h")
	said := &tail{}
	cmd.Stdout, cmd.Stderr = said, said
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
	r := testReporter(t, func(c *Config) { c.EVE.Path, c.EVE.Type, c.EVE.Flows = in, EVEStream, EVEFlowsAll }, testOptions(t))
	passed := make(chan string, 1000)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for lines := json.NewDecoder(conn); ; {
			var e struct {
				EventType string `json:"event_type"`
			}
			if lines.Decode(&e) != nil {
				return
			}
			passed <- e.EventType
		}
	}()
	events := testEvents(t)
	for kind, tell := range map[string]func(){
		"alert": func() { r.Event(events["alert"]) },
		"drop":  func() { r.Event(events["block-by-hand"]) },
		"slips": func() { r.Event(events["lift"]) },
		"flow":  func() { r.Flows([]argusfeed.Flow{testFlow(usualTuple(t))}, nil) },
		"stats": func() { r.Stats(testStatus()) },
	} {
		// Again and again: fever 1.3.5 loses some of lines that come close together.
		again := time.NewTicker(time.Second)
		tell()
		for tries := 0; ; {
			select {
			case got := <-passed:
				if got != kind {
					continue
				}
			case <-again.C:
				if tries++; tries > 20 {
					t.Fatalf("no %s came back", kind)
				}
				tell()
				continue
			}
			break
		}
		again.Stop()
	}
}

func BenchmarkAppendFlow(b *testing.B) {
	opt := testOptions(b)
	w := eveWriter{host: "router", source: opt.Source}
	f := testFlow(usualTuple(b))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = w.appendFlow(buf[:0], &f, false)
	}
	b.SetBytes(int64(len(buf)))
}
