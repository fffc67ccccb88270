package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// errorLog takes what goes wrong with a scrape. That its client went away is
// nothing wrong here, and would come once for each metric.
type errorLog struct{ log *slog.Logger }

// Println is what promhttp calls.
func (l errorLog) Println(v ...any) {
	for _, x := range v {
		if err, ok := x.(error); ok && errors.Is(err, context.Canceled) {
			return
		}
	}
	l.log.Error("a scrape of the metrics failed", "error", strings.TrimSpace(fmt.Sprintln(v...)))
}
