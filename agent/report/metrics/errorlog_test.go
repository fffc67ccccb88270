package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestErrorLog(t *testing.T) {
	var out bytes.Buffer
	l := errorLog{slog.New(slog.NewTextHandler(&out, nil))}
	l.Println("error encoding and sending metric family:", fmt.Errorf("writing: %w", context.Canceled))
	if out.Len() > 0 {
		t.Errorf("a client that went away is told: %s", out.String())
	}
	l.Println("error gathering metrics:", errors.New("two of a name"))
	if !strings.Contains(out.String(), "level=ERROR") || !strings.Contains(out.String(), "error gathering metrics: two of a name") {
		t.Errorf("the log says %q", out.String())
	}
}
