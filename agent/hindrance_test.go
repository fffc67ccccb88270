package agent

import (
	"errors"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/status"
	"slips-ips/enforce"
)

// A block that is just being made is not in the kernel either, and hinders nothing.
func TestKernelHindrance(t *testing.T) {
	now := time.Now()
	broken := errors.New("broken")
	for _, tt := range []struct {
		missing         int
		since, unlooked time.Duration
		err             error
		running         bool
		want            status.Hindrance
	}{
		{0, 0, 0, nil, true, ""},
		{1, time.Millisecond, 0, nil, true, ""},
		{1, 100 * time.Millisecond, 0, nil, true, ""},
		{1, time.Minute, 0, nil, true, status.HindranceMissing},
		{0, time.Minute, 0, nil, true, ""},
		{1, time.Minute, 0, broken, true, status.HindranceKernel},
		{0, 0, time.Minute, nil, true, status.HindranceUnwatched},
		{0, 0, time.Minute, nil, false, ""},
	} {
		h := enforce.Health{Checked: now.Add(-tt.unlooked), Differs: now.Add(-tt.since), Err: tt.err}
		got, what := kernelHindrance(h, tt.missing, 2, time.Second, tt.running, now)
		if got != tt.want || (what == "") != (got == "") {
			t.Errorf("%+v: %q, %q", tt, got, what)
		}
		if since := h.Differs.UTC().Format(time.RFC3339); tt.want == status.HindranceMissing && !strings.Contains(what, "since "+since) {
			t.Errorf("%q, which may be read in another zone or on another day, lacks %s", what, since)
		}
	}
}
