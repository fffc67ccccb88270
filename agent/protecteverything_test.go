package agent

import (
	"strings"
	"testing"

	"slips-ips/agent/status"
)

// A [protect] that leaves nothing to block is told at the start, in the status and by
// doctor.
func TestProtectEverything(t *testing.T) {
	a, book, _ := testAgent(t, func(c *Config) {
		if err := c.Protect.Networks.UnmarshalTOML([]any{"0.0.0.0/0"}); err != nil {
			t.Fatal(err)
		}
	})
	defer func() { _ = a.close(t.Context()) }()
	const want = "every address of IPv4"
	if got := book.find("the configuration keeps blocks away"); len(got) != 1 || !strings.Contains(got[0].attrs["why"], want) {
		t.Errorf("the log says %v", got)
	}
	s := a.Status()
	if s.Worst() != status.Warning || s.Problems[0].Area != "policy" || !strings.Contains(s.Problems[0].What, want) {
		t.Errorf("the status of a dry-run says %+v", s.Problems)
	}
	c := a.cfg
	c.Agent.Mode = ModeEnforce
	for _, f := range Diagnose(t.Context(), c, t.TempDir()+"/none", false) {
		if f.Check == "protect" && f.Verdict == FindingFail && strings.Contains(f.What, want) {
			return
		}
	}
	t.Error("doctor does not say it")
}
