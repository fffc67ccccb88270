package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Limits are what clients may take of the agent. Each must be set: 0 would be none.
type Limits struct {
	// Connections are open at once; the next ones wait until one is closed.
	Connections int
	// Request is the time for sending a request, Answer from its header on until what
	// came of it is read; Idle is between two requests of a connection.
	Request, Answer, Idle time.Duration
	// Header is the size of a request without its body, in bytes.
	Header int
}

// endTime is what who still reads has when the server ends.
const endTime = time.Second

// Serve answers at l until ctx ends, which is no error, and closes l. What clients do
// wrong is told to log as debugging.
func Serve(ctx context.Context, l net.Listener, h http.Handler, limits Limits, log *slog.Logger) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: limits.Request,
		ReadTimeout:       limits.Request,
		WriteTimeout:      limits.Answer,
		IdleTimeout:       limits.Idle,
		MaxHeaderBytes:    limits.Header,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
		defer cancel()
		if server.Shutdown(end) != nil {
			_ = server.Close() // who still reads does so too slowly
		}
	})
	err := server.Serve(netutil.LimitListener(l, limits.Connections))
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
