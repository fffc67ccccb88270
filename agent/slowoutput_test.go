package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a reader of the output that never reads.
type stuck struct{ until chan struct{} }

func (s stuck) Write(p []byte) (int, error) { <-s.until; return len(p), nil }

func TestOutputThatNobodyReads(t *testing.T) {
	for _, live := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			s := stuck{make(chan struct{})}
			o := newSlowOutput(s, live, slog.New(slog.NewTextHandler(&log, nil)))
			o.start(ctx)
			if !live {
				time.AfterFunc(time.Hour, stop)
			}
			began := time.Now()
			for range outputChunks + 100 {
				if n, err := o.Write([]byte("line\n")); n != 5 || err != nil {
					t.Fatal(n, err)
				}
			}
			took := time.Since(began)
			if live && took > 0 || !live && took != time.Hour+outputPatience {
				t.Errorf("live %t: it took %v", live, took)
			}
			if err := o.Close(); err != nil || time.Since(began) > took+outputPatience {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			if strings.Count(log.String(), "tuples are not printed") != 1 || !strings.Contains(log.String(), "bytes=") {
				t.Errorf("logged\n%s", log.String())
			}
			close(s.until)
		})
	}
}

// slow reads one chunk a second.
type slow struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func TestStoredFlowsWaitForTheirReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slow
		o := newSlowOutput(&s, false, slog.New(slog.DiscardHandler))
		o.start(t.Context())
		const n = outputChunks + 10
		for range n {
			if _, err := o.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(outputChunks * time.Second)
		if err := o.Close(); err != nil || s.b.Len() != n {
			t.Errorf("%v, %d written of %d", err, s.b.Len(), n)
		}
	})
}

func TestSlowOutputThatFails(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	o := newSlowOutput(w, true, slog.New(slog.DiscardHandler))
	o.start(t.Context())
	_, _ = o.Write([]byte("x"))
	if err := o.Close(); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}
