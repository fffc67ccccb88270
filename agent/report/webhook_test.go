package report

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/internal/testenv"
)

// hooked is a real HTTP server whose behaviour changes with each request.
type hooked struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string // texts of events that were taken
	bodies []string
	heads  []http.Header
	// refused is what no body may have.
	refused string
	next    []func(http.ResponseWriter, *http.Request) bool // true: the events were taken
}

func newHooked(t testing.TB, next ...func(http.ResponseWriter, *http.Request) bool) *hooked {
	h := &hooked{next: next}
	h.Server = httptest.NewUnstartedServer(h)
	h.Start()
	t.Cleanup(h.Close)
	return h
}

func (h *hooked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	h.mu.Lock()
	var how func(http.ResponseWriter, *http.Request) bool
	if len(h.next) > 0 {
		how, h.next = h.next[0], h.next[1:]
	}
	h.bodies, h.heads = append(h.bodies, string(body)), append(h.heads, r.Header.Clone())
	h.mu.Unlock()
	if how != nil && !how(w, r) {
		return
	}
	if h.refused != "" && strings.Contains(string(body), h.refused) {
		answer(http.StatusUnprocessableEntity)(w, r)
		return
	}
	var one struct{ Text string }
	var many []struct{ Text string }
	if json.Unmarshal(body, &many) != nil {
		if err := json.Unmarshal(body, &one); err != nil {
			panic(err)
		}
		many = append(many, one)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range many {
		h.got = append(h.got, e.Text)
	}
}

func (h *hooked) texts() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.got...)
}

func answer(status int, head ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i < len(head); i += 2 {
			w.Header().Set(head[i], head[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprintln(w, "no\x1b[2J")
		return status < 300
	}
}

func reset(w http.ResponseWriter, _ *http.Request) bool {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
	return false
}

func hang(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return false
}

func toWebhook(t testing.TB, w WebhookConfig, opt Options) *Reporter {
	return testReporter(t, func(c *Config) { c.Webhooks = []WebhookConfig{w} }, opt)
}

// Hanging, resetting, failing, refusing: everything arrives, in order.
func TestWebhookRetries(t *testing.T) {
	h := newHooked(t, hang, reset, answer(500), answer(429, "Retry-After", "1"), answer(302, "Location", "/else"), answer(200))
	opt := testOptions(t)
	r := toWebhook(t, WebhookConfig{Name: "a", URL: h.URL + "/x?secret=1", Timeout: 200 * time.Millisecond, RetryMax: time.Second, Headers: map[string]string{"X-Mine": "1"}}, opt)
	for i := range 5 {
		r.Event(lift(t, fmt.Sprint("lift ", i)))
	}
	testenv.Until(t, "sent", func() bool { return only(t, r).Sent == 5 })
	if d := cmp.Diff(numbered(5), h.texts()); d != "" {
		t.Error(d)
	}
	o := only(t, r)
	if o.Name != "webhook/a" || o.To != h.URL+"/x" || o.Retried != 5 || o.Dropped != 0 || o.Waiting != 0 || !o.Failing.IsZero() {
		t.Errorf("%+v", o)
	}
	if got := h.heads[0]; got.Get("X-Mine") != "1" || got.Get("User-Agent") != "slips-ips/1.2.3" || got.Get("Content-Type") != "application/json" {
		t.Error(got)
	}
	mustClose(t, r)
}

// A server that hangs for ever: the agent ends in time, and the next one sends
// what is left, also of one that was killed.
func TestWebhookOverARestart(t *testing.T) {
	opt := testOptions(t)
	h := newHooked(t, hang, hang, hang)
	w := WebhookConfig{Name: "a", URL: h.URL, Timeout: 10 * time.Second}
	r := toWebhook(t, w, opt)
	for i := range 5 {
		r.Event(lift(t, fmt.Sprint("lift ", i)))
	}
	testenv.Until(t, "in the spool", func() bool { return only(t, r).Waiting == 5 && len(spoolFiles(t, opt, "a")) == 5 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = r.Close(ctx)
	if n := len(spoolFiles(t, opt, "a")); n != 5 {
		t.Fatalf("%d are in the spool", n)
	}
	// What kill -9 leaves: half a file, and one that was not renamed.
	dir := filepath.Join(opt.State, "spool", "webhook-a")
	for name, text := range map[string]string{"00000000000000000005.part": `{"id":`, "00000000000000000002x.json": "", "00000000000000000007.json": `{"id":`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h2 := newHooked(t)
	w.URL = h2.URL
	r = toWebhook(t, w, opt)
	r.Event(lift(t, "lift 5"))
	testenv.Until(t, "sent", func() bool { return only(t, r).Sent == 6 })
	if d := cmp.Diff(numbered(6), h2.texts()); d != "" {
		t.Error(d)
	}
	if o := only(t, r); o.Dropped != 1 || o.Waiting != 0 { // the half one
		t.Errorf("%+v", o)
	}
	mustClose(t, r)
	if left := spoolFiles(t, opt, "a"); len(left) != 1 || left[0] != "00000000000000000002x.json" { // not ours
		t.Error(left)
	}
}

func spoolFiles(t testing.TB, opt Options, name string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(opt.State, "spool", "webhook-"+name, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	return files
}

func TestWebhookBatch(t *testing.T) {
	opt := testOptions(t)
	h := newHooked(t, hang) // meanwhile the others gather
	r := toWebhook(t, WebhookConfig{Name: "a", URL: h.URL, Batch: 3, Timeout: 300 * time.Millisecond}, opt)
	for i := range 7 {
		r.Event(lift(t, fmt.Sprint("lift ", i)))
	}
	testenv.Until(t, "sent", func() bool { return only(t, r).Sent == 7 })
	if d := cmp.Diff(numbered(7), h.texts()); d != "" {
		t.Error(d)
	}
	for _, b := range h.bodies {
		if !strings.HasPrefix(b, "[{") {
			t.Errorf("%s is no list", b)
		}
	}
	if n := len(h.bodies); n > 6 { // the first try had 1 to 3
		t.Errorf("%d requests", n)
	}
	mustClose(t, r)
}

// One event that the server refuses holds up no other.
func TestWebhookRefusedContent(t *testing.T) {
	h := newHooked(t, answer(503)) // meanwhile the others gather
	h.refused = "lift 1"
	r := toWebhook(t, WebhookConfig{Name: "a", URL: h.URL, Batch: 100}, testOptions(t))
	for i := range 3 {
		r.Event(lift(t, fmt.Sprint("lift ", i)))
	}
	testenv.Until(t, "sent", func() bool { o := only(t, r); return o.Sent+o.Dropped == 3 })
	if d := cmp.Diff([]string{"lift 0", "lift 2"}, h.texts()); d != "" {
		t.Error(d)
	}
	if o := only(t, r); o.Dropped != 1 || o.Waiting != 0 {
		t.Errorf("%+v", o)
	}
	mustClose(t, r)
}

func TestWebhookSpoolIsBounded(t *testing.T) {
	opt := testOptions(t)
	h := newHooked(t, hang, hang, hang)
	r := toWebhook(t, WebhookConfig{Name: "a", URL: h.URL, Timeout: 10 * time.Second, SpoolSize: 1 << 16}, opt)
	for i := range 40 {
		r.Event(lift(t, fmt.Sprint("lift ", i)))
	}
	testenv.Until(t, "dropped", func() bool { return only(t, r).Dropped == 40-16 }) // of a block each
	if n := len(spoolFiles(t, opt, "a")); n != 16 {
		t.Errorf("%d files", n)
	}
	if o := only(t, r); o.Waiting != 16 {
		t.Errorf("%+v", o)
	}
}

func TestWebhookSecrets(t *testing.T) {
	dir := t.TempDir()
	token, ca := filepath.Join(dir, "token"), filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &hooked{}
	h.Server = httptest.NewUnstartedServer(h)
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	h.StartTLS()
	defer h.Close()
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	if err := os.WriteFile(ca, cert, 0o644); err != nil {
		t.Fatal(err)
	}
	opt := testOptions(t)
	w := WebhookConfig{Name: "a", URL: h.URL, TokenFile: token}
	r := toWebhook(t, w, opt)
	r.Event(lift(t, "one"))
	testenv.Until(t, "refused", func() bool { return strings.Contains(only(t, r).Error, "certificate") })
	cfg := DefaultConfig()
	w.CAFile = ca
	cfg.Webhooks = []WebhookConfig{w}
	if err := r.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
	testenv.Until(t, "sent", func() bool { return only(t, r).Sent == 1 })
	if got := h.heads[0].Get("Authorization"); got != "Bearer s3cret" {
		t.Error(got)
	}
	if err := os.Chmod(token, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Reconfigure(cfg); err == nil || !strings.Contains(err.Error(), "everybody may read") {
		t.Error(err)
	}
	mustClose(t, r)
}

func TestWebhookNeedsAFolderOfItsOwn(t *testing.T) {
	opt := testOptions(t)
	h := newHooked(t)
	w := WebhookConfig{Name: "a", URL: h.URL}
	first := toWebhook(t, w, opt)
	first.Event(lift(t, "one"))
	testenv.Until(t, "sent", func() bool { return only(t, first).Sent == 1 })
	second := toWebhook(t, w, opt)
	second.Event(lift(t, "two"))
	testenv.Until(t, "refused", func() bool { return strings.Contains(only(t, second).Error, "another agent") })
	mustClose(t, first)
	testenv.Until(t, "sent", func() bool { return only(t, second).Sent == 1 }) // the first is gone
	mustClose(t, second)

	cfg := DefaultConfig()
	cfg.Webhooks = []WebhookConfig{w}
	opt.State = ""
	if _, err := New(cfg, opt); err == nil || !strings.Contains(err.Error(), "no state folder") {
		t.Error(err)
	}
}

func TestSpoolKeepsTheOrder(t *testing.T) {
	s := spool{dir: filepath.Join(t.TempDir(), "s"), max: 1 << 20}
	for i := range 12 {
		if _, err := s.add(fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	s.close()
	names, bodies, _, err := s.head(5, 1<<20) // opened anew
	if err != nil || len(bodies) != 5 || string(bodies[4]) != "4" {
		t.Fatalf("%s, %v", bodies, err)
	}
	if err := s.done(names); err != nil {
		t.Fatal(err)
	}
	if err := s.done(names); err != nil { // twice is once
		t.Fatal(err)
	}
	_, bodies, _, err = s.head(100, 2*diskBlock)
	if err != nil || len(bodies) != 2 || string(bodies[0]) != "5" || s.len() != 7 {
		t.Errorf("%s, %v, %d left", bodies, err, s.len())
	}
	var gone lost
	if _, err := s.add(make([]byte, 2<<20)); !errors.As(err, &gone) {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 17, 7, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "-1": 0, "x": 0, "99999999999999": 0, "1.5": 0,
		"Tue, 17 Mar 2026 07:01:00 GMT": time.Minute, "Tue, 17 Mar 2026 06:00:00 GMT": 0,
	} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "120", "Tue, 17 Mar 2026 07:01:00 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := retryAfter(s, testTime); d < 0 {
			t.Errorf("%q: %v", s, d)
		}
	})
}
