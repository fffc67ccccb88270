package httpserver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

// serving runs a server until the test ends it, and gives its address.
func serving(t *testing.T, h http.HandlerFunc, limits Limits) (at string, end func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, h, limits, slog.New(slog.DiscardHandler)) }()
	end = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), end
}

func dial(t *testing.T, at, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err == nil {
		_, err = io.WriteString(c, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func status(t *testing.T, c net.Conn) int {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

var ample = Limits{Connections: 2, Request: time.Minute, Answer: time.Minute, Idle: time.Minute, Header: 4 << 10}

// One more than may be connected is served when another has gone.
func TestConnections(t *testing.T) {
	at, _ := serving(t, func(http.ResponseWriter, *http.Request) {}, ample)
	first, second := dial(t, at, request), dial(t, at, request)
	for _, c := range []net.Conn{first, second} {
		if got := status(t, c); got != http.StatusOK {
			t.Errorf("%d", got)
		}
	}
	third := dial(t, at, request)
	if err := third.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var late net.Error
	if _, err := third.Read(make([]byte, 1)); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("one too many is answered: %v", err)
	}
	first.Close()
	if err := third.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got := status(t, third); got != http.StatusOK {
		t.Errorf("afterwards: %d", got)
	}
}

// Who sends nothing, or too much, is cut off; and so is, when the server ends, who
// does not read.
func TestBounds(t *testing.T) {
	limits := ample
	limits.Request = 20 * time.Millisecond
	at, _ := serving(t, func(http.ResponseWriter, *http.Request) {}, limits)
	if n, err := dial(t, at, "GET / HTTP/1.1\r\n").Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("half a request: %d, %v", n, err)
	}
	at, end := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}, ample)
	if got := status(t, dial(t, at, "GET / HTTP/1.1\r\nHost: x\r\nX: "+string(make([]byte, 20<<10))+"\r\n\r\n")); got < 400 {
		t.Errorf("a header of 20 KiB: %d", got)
	}
	dial(t, at, request)
	if err := end(); err != nil {
		t.Error(err)
	}
}

// What ends it otherwise is an error.
func TestClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Serve(t.Context(), l, http.NotFoundHandler(), ample, slog.New(slog.DiscardHandler)) }()
	testenv.Until(t, "it answers", func() bool {
		resp, err := http.Get("http://" + l.Addr().String())
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	l.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}
