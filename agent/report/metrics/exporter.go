package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"slips-ips/agent/httpserver"
	"slips-ips/agent/status"
)

// What those who scrape may take of the agent.
const (
	maxConnections = 16
	maxScrapes     = 3 // at a time; Prometheus makes one
	scrapeTimeout  = 5 * time.Second
)

var limits = httpserver.Limits{
	Connections: maxConnections, Request: 5 * time.Second, Answer: 15 * time.Second,
	Idle: 2 * time.Minute, Header: 8 << 10, // one scrape a minute is usual
}

// Exporter serves the metrics. It is safe for concurrent use; Listen and Serve
// may be called once.
type Exporter struct {
	cfg      Config
	log      *slog.Logger
	col      *collector
	handler  http.Handler
	listener net.Listener
}

// New makes an Exporter of a valid configuration and opens nothing. get is
// called once for each scrape, at most three at a time, and must not wait for
// the pipeline. A nil log is silence.
func New(cfg Config, get func() status.Status, log *slog.Logger) (*Exporter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e := &Exporter{cfg: cfg, log: log, col: newCollector(get)}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(e.col, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	scrape := promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:      errorLog{log},
		ErrorHandling: promhttp.ContinueOnError,
	})
	mux := http.NewServeMux()
	// The limit is inside the timeout, which keeps the answer in memory: who
	// reads slowly holds a buffer and not one of the few scrapes.
	mux.Handle("GET /metrics", http.TimeoutHandler(e.limit(scrape), scrapeTimeout, "the agent's status took too long\n"))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "slips-ips: the metrics are at /metrics")
	})
	e.handler = mux
	if cfg.onLoopback() {
		e.handler = meantForUs(mux)
	}
	return e, nil
}

// meantForUs refuses what a page elsewhere asks by a name of its own: loopback is open to
// every browser of this host.
func meantForUs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !httpserver.OfLoopback(r.Host) {
			http.Error(w, fmt.Sprintf("the host %.100q is not this agent's: ask for the metrics at localhost, or at an address of loopback; a proxy must send that as Host", r.Host),
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Handler gives the handler of /metrics.
func (e *Exporter) Handler() http.Handler { return e.handler }

// limit refuses what is too many scrapes at a time.
func (e *Exporter) limit(next http.Handler) http.Handler {
	slots := make(chan struct{}, maxScrapes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			e.col.refused.Add(1)
			w.Header().Set("Retry-After", "5")
			http.Error(w, "too many scrapes are under way", http.StatusServiceUnavailable)
			return
		}
		e.col.scrapes.Add(1)
		next.ServeHTTP(w, r)
	})
}

// Listen opens the address, so that what is wrong with it is known before Serve.
func (e *Exporter) Listen() error {
	l, err := listen(e.cfg)
	if err != nil {
		return fmt.Errorf("listening for scrapes of metrics on %s: %w", e.cfg.Listen, err)
	}
	e.listener = l
	return nil
}

// Serve answers until ctx ends, which is no error. It listens where Listen was
// not called.
func (e *Exporter) Serve(ctx context.Context) error {
	if e.listener == nil {
		if err := e.Listen(); err != nil {
			return err
		}
	}
	e.log.Info("metrics are served", "address", e.listener.Addr().String())
	if err := httpserver.Serve(ctx, e.listener, e.handler, limits, e.log); err != nil {
		return fmt.Errorf("serving metrics on %s: %w", e.cfg.Listen, err)
	}
	return nil
}
