package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/agent"
	"slips-ips/enforce"
)

// What restore and doctor print, for people and as JSON, which fits its schema.
func TestHealthOutputs(t *testing.T) {
	restored := func(r agent.Restored) func(streams, bool) error {
		return func(std streams, asJSON bool) error { return writeRestored(std, r, asJSON) }
	}
	found := func(all ...agent.Finding) func(streams, bool) error {
		return diagnosis{Findings: all}.write
	}
	ok := agent.Finding{Verdict: agent.FindingOK, Check: "rights", What: "this process may change nftables"}
	warn := agent.Finding{Verdict: agent.FindingWarn, Check: "ruleset", What: "the flowtable f lets connections pass", Do: "see docs/enforcement.md"}
	fail := agent.Finding{Verdict: agent.FindingFail, Check: "pause", What: "nothing is blocked", Do: "slips-ips resume"}
	for _, tt := range []struct {
		name, schema string
		write        func(std streams, asJSON bool) error
		fails        bool
	}{
		{"restore", "restore", restored(agent.Restored{Restored: enforce.Restored{Blocks: 3, Adopted: 1, Refused: 2, Took: 1234567 * time.Nanosecond}}), false},
		{"restore-one", "restore", restored(agent.Restored{Restored: enforce.Restored{Blocks: 1}}), false},
		{"restore-failed", "restore", restored(agent.Restored{Restored: enforce.Restored{Failed: 2, First: errors.New("the set is full")}}), true},
		{"restore-nothing", "restore", restored(agent.Restored{Nothing: "by the history no block is in force"}), false},
		{"doctor", "doctor", found(ok, warn, fail), true},
		{"doctor-warned", "doctor", found(ok, warn), false},
		{"doctor-well", "doctor", found(ok), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var text, asJSON bytes.Buffer
			for out, isJSON := range map[*bytes.Buffer]bool{&text: false, &asJSON: true} {
				if err := tt.write(streams{out: out}, isJSON); tt.fails != (err != nil) {
					t.Errorf("JSON %v: %v", isJSON, err)
				}
			}
			golden(t, tt.name+".txt", text.String())
			golden(t, tt.name+".json", asJSON.String())
			fits(t, tt.schema, asJSON.Bytes())
		})
	}
}

// The commands themselves, as far as they are the same on every machine.
func TestHealthCommands(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none.sock")
	code, out, errout := command(t, none, "restore", "--state", dir, "--json")
	if code != 0 || !strings.Contains(out, "the mode is dry-run") {
		t.Errorf("restore: exit status %d, %s%s", code, out, errout)
	}
	fits(t, "restore", []byte(out))
	_, out, errout = command(t, none, "doctor", "--no-self-test", "--json")
	fits(t, "doctor", []byte(out))
	var d diagnosis
	if err := json.Unmarshal([]byte(out), &d); err != nil || len(d.Findings) < 8 {
		t.Errorf("doctor: %v, %s%s", err, out, errout)
	}
}
