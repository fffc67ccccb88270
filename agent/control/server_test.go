package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

var sameTuple = cmp.Comparer(func(a, b argusfeed.Tuple) bool { return a == b })

// What the backend says is what the client gives.
func TestReading(t *testing.T) {
	b := controltest.Sample()
	_, path := start(t, b, control.Options{})
	c, ctx := dial(t, path), t.Context()
	same := func(what string, want, got any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got, sameTuple); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", what, err, diff)
		}
	}
	st, err := c.Status(ctx)
	same("status", b.State, st, err)
	tuples, err := c.Tuples(ctx, control.TupleQuery{})
	rows := []control.TupleRow{{TupleInfo: b.Known[0], Block: enforce.StateBlocked}, {TupleInfo: b.Known[1]}, {TupleInfo: b.Known[2]}}
	same("tuples", control.TupleList{Known: 3, Matching: 3, Tuples: rows}, tuples, err)
	tuples, err = c.Tuples(ctx, control.TupleQuery{Detected: true, Letters: -1})
	if err != nil || len(tuples.Tuples) != 1 || tuples.Known != 3 || tuples.Tuples[0].Letters != "" {
		t.Errorf("detected tuples: %+v, %v", tuples, err)
	}
	tuples, err = c.Tuples(ctx, control.TupleQuery{Match: "nothing"})
	if err != nil || tuples.Tuples == nil || len(tuples.Tuples) != 0 {
		t.Errorf("no tuples: %+v, %v", tuples, err)
	}
	page, err := c.Events(ctx, history.Query{})
	same("events", history.Page{Events: b.Past}, page, err)
	page, err = c.Events(ctx, history.Query{Limit: 2})
	same("page", history.Page{Events: b.Past[:2], Next: b.Past[1].ID}, page, err)
	page, err = c.Events(ctx, history.Query{Limit: 2, After: page.Next})
	same("next page", history.Page{Events: b.Past[2:4], Next: b.Past[3].ID}, page, err)
	blocks, err := c.Blocks(ctx, control.BlockQuery{})
	same("blocks", control.BlockList{Total: 2, Matching: 2, Blocks: b.InForce}, blocks, err)
	allows, err := c.Allows(ctx)
	same("allows", b.Allowed, allows, err)
	e, err := c.ExplainTuple(ctx, controltest.Tuple)
	same("explain", b.Explanation, e, err)
	want := b.Explanation
	want.Asked = &b.Past[2]
	e, err = c.ExplainID(ctx, controltest.ID(4))
	same("explain an event", want, e, err)
	// Names with dashes: the text could be taken apart in several ways.
	named, err := argusfeed.FindTuple(controltest.Tuple)
	if err != nil {
		t.Fatal(err)
	}
	if named.Src, err = argusfeed.ParseAddr([]byte("a-b.lan")); err != nil {
		t.Fatal(err)
	}
	if named.Dst, err = argusfeed.ParseAddr([]byte("c")); err != nil {
		t.Fatal(err)
	}
	whole := b.Explanation
	b.Known = append(b.Known, detection.TupleInfo{Tuple: named})
	b.Explanation = control.Explanation{Tuple: named}
	if e, err := c.ExplainTuple(ctx, "a-b.lan-c-443-tcp"); err != nil || e.Tuple.String() != named.String() {
		t.Errorf("explain names: %s, %v", e.Tuple, err)
	}
	b.Explanation = whole
	b.Past = nil
	e, err = c.ExplainID(ctx, controltest.ID(4))
	same("explain a block", b.Explanation, e, err)
}

func TestChanging(t *testing.T) {
	b := controltest.Sample()
	s, path := start(t, b, control.Options{})
	c, ctx := dial(t, path), t.Context()
	info, err := c.AddBlock(ctx, control.NewBlock{
		Tuple: "10.0.0.7-203.0.113.50-25-tcp", Scope: policy.ScopeSource, Verdict: policy.VerdictReject, Duration: 90 * time.Minute, Comment: "spam",
	})
	if err != nil || info.Left != 5400 || info.Reason != "spam" || info.By == nil || info.By.UID != uint32(os.Getuid()) {
		t.Errorf("block: %+v, %v", info, err)
	}
	if _, err := c.AddBlock(ctx, control.NewBlock{Tuple: "10.0.0.7-198.51.100.9-25-tcp"}); !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), "force overrides it") {
		t.Errorf("an allowed destination: %v", err)
	}
	forced, err := c.AddBlock(ctx, control.NewBlock{Tuple: "10.0.0.7-198.51.100.9-25-tcp", Force: true})
	if err != nil {
		t.Errorf("forced: %v", err)
	}
	if got, err := c.RemoveBlock(ctx, forced.ID); err != nil || got.ID != forced.ID {
		t.Errorf("lift by id: %+v, %v", got, err)
	}
	if got, err := c.RemoveBlock(ctx, info.Tuple.String()); err != nil || got.ID != info.ID {
		t.Errorf("lift by tuple: %+v, %v", got, err)
	}
	if _, err := c.RemoveBlock(ctx, "a/../b?c#d e"); !errors.Is(err, control.ErrNotFound) || !strings.Contains(err.Error(), `"a/../b?c#d e"`) {
		t.Errorf("lift of nothing: %v", err)
	}
	added, err := c.AddAllow(ctx, control.Allow{Network: "203.0.113.0/24", Comment: "ours", Until: time.Now().Add(time.Hour)})
	if err != nil || len(added.Lifted) != 2 || added.Allow.From != "allow" || added.Allow.By == "" {
		t.Errorf("allow: %+v, %v", added, err)
	}
	if got, err := c.RemoveAllow(ctx, "203.0.113.0/24"); err != nil || got.Comment != "ours" {
		t.Errorf("end of allow: %+v, %v", got, err)
	}
	if _, err := c.RemoveAllow(ctx, "192.168.0.0/16"); !errors.Is(err, control.ErrRefused) {
		t.Errorf("an entry of the configuration: %v", err)
	}
	if got, err := c.Reload(ctx, control.ReloadRequest{Lift: true}); err != nil || !got.Lifted || len(got.Unwanted) != 1 {
		t.Errorf("reload: %+v, %v", got, err)
	}
	if got, err := c.FlushBlocks(ctx); err != nil || got.Lifted != 0 {
		t.Errorf("flush: %+v, %v", got, err)
	}
	if by := b.By(); len(by) != 11 || by[0].PID != int32(os.Getpid()) {
		t.Errorf("%d changes by %+v", len(by), by)
	}
	if st := s.Stats(); st.Changes != 8 || st.Requests != 11 || st.Clients != 1 {
		t.Errorf("%+v", st)
	}
}

// raw sends a request as text and gives the answer.
func raw(t testing.TB, path, request string) (status int, header http.Header, body string) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, request)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func request(method, path, body string) string {
	r := method + " " + path + " HTTP/1.1\r\nHost: x\r\n"
	if body != "" {
		r += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return r + "\r\n" + body
}

func TestErrors(t *testing.T) {
	b := controltest.Sample()
	s, path := start(t, b, control.Options{Version: "1.0"})
	for _, tt := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", "/v2/status", "", 404, "version", `"/v2"; this agent speaks /v1 only`},
		{"GET", "/", "", 404, "version", "GET /v1 lists its calls"},
		{"GET", "/v1/no", "", 404, "no_call", "there is no call /v1/no"},
		{"POST", "/v1/status", "", 405, "method", "is not for POST; use GET"},
		{"PUT", "/v1/blocks", "", 405, "method", "use DELETE, GET, POST"},
		{"PATCH", "/v1/blocks/x", "", 405, "method", "use DELETE"},
		{"GET", "/v1/tuples?sort=x", "", 400, "invalid", "use last, flows"},
		{"GET", "/v1/allows?x=1", "", 400, "invalid", `"x": unknown parameter; none is known here`},
		{"GET", "/v1/status", "{}", 400, "invalid", "GET takes no body"},
		{"GET", "/v1/explain", "", 400, "invalid", "give either tuple or id"},
		{"GET", "/v1/explain?tuple=x", "", 400, "invalid", "is no tuple; it is written source-destination-port-protocol"},
		{"GET", "/v1/explain?tuple=10.0.0.1-no.such.host-80-tcp", "", 404, "not_found", "no.such.host"},
		{"GET", "/v1/explain?tuple=10.0.0.1-10.0.0.2-80-tcp", "", 404, "not_found", "nothing is known of"},
		{"GET", "/v1/explain?id=nothing", "", 404, "not_found", "neither the history nor a block"},
		{"GET", "/v1/explain?id=" + controltest.ID(6), "", 400, "invalid", "is no event of a tuple: the feed"},
		{"POST", "/v1/blocks", "{", 400, "invalid", "the body is no JSON"},
		{"POST", "/v1/blocks", "{} {}", 400, "invalid", "something after the JSON"},
		{"POST", "/v1/blocks", `{"tupel":"x"}`, 400, "invalid", `unknown field "tupel"`},
		{"POST", "/v1/blocks", `{"tuple":"10.0.0.1-10.0.0.2-80-tcp","duration":"31d"}`, 400, "invalid", "use 1s to 720h"},
		{"POST", "/v1/blocks", `{"tuple":"10.0.0.1-10.0.0.2-80-tcp","duration":"1x"}`, 400, "invalid", "no duration; use a number and s, m, h, d or w"},
		{"POST", "/v1/blocks", `{"tuple":"10.0.0.1-10.0.0.2-80-tcp","comment":"a\u001b[31mb"}`, 400, "invalid", "cannot be printed"},
		{"POST", "/v1/blocks", `{"tuple":"10.0.0.1-10.0.0.2-80-tcp","comment":"` + strings.Repeat("x", 201) + `"}`, 400, "invalid", "longer than 200 bytes"},
		{"POST", "/v1/blocks", `{"tuple":"10.0.0.1-10.0.0.2-70000-tcp"}`, 400, "invalid", "use 0 to 65535"},
		{"POST", "/v1/blocks", `{"tuple":"10.0.0.1-192.0.2.1-80-tcp","force":true}`, 409, "refused", "nothing overrides that"},
		{"POST", "/v1/blocks", `"` + strings.Repeat("x", 70_000) + `"`, 413, "too_large", "larger than 65536 bytes"},
		{"DELETE", "/v1/blocks", "", 400, "invalid", "say all=true"},
		{"DELETE", "/v1/blocks/x", "", 404, "not_found", "no block has"},
		{"POST", "/v1/allows", `{"network":"10.0.0.5/24"}`, 400, "invalid", "network: "},
		{"POST", "/v1/allows", `{"network":"10.0.0.5","until":"2020-01-01T00:00:00Z"}`, 400, "invalid", "is over already"},
		{"DELETE", "/v1/allows", "", 400, "invalid", "network: "},
	} {
		status, header, body := raw(t, path, request(tt.method, tt.path, tt.body))
		var f struct{ Error, Code string }
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			t.Errorf("%s %s: %v in %q", tt.method, tt.path, err, body)
			continue
		}
		if status != tt.status || f.Code != tt.code || !strings.Contains(f.Error, tt.want) {
			t.Errorf("%s %s: %d %+v; want %d %s %q", tt.method, tt.path, status, f, tt.status, tt.code, tt.want)
		}
		if header.Get("Slips-Ips-Api") != "v1" || header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: header %v", tt.method, tt.path, header)
		}
	}
	if st := s.Stats(); st.Bad != 25 || st.Changes != 0 {
		t.Errorf("%+v", st)
	}
}

func TestBackendErrors(t *testing.T) {
	b := controltest.Sample()
	_, path := start(t, b, control.Options{QueryTime: 50 * time.Millisecond})
	c := dial(t, path)
	b.Fail = fmt.Errorf("%w: there is no history ([history] is off)", control.ErrUnavailable)
	if _, err := c.Events(t.Context(), history.Query{}); !errors.Is(err, control.ErrUnavailable) || err.Error() != b.Fail.Error() {
		t.Errorf("%v", err)
	}
	b.Fail = errors.New("the disk is on fire")
	if _, err := c.Reload(t.Context(), control.ReloadRequest{}); err == nil || err.Error() != "the disk is on fire" {
		t.Errorf("%v", err)
	}
	b.Fail, b.Wait = nil, true
	if _, err := c.Allows(t.Context()); err == nil || !strings.Contains(err.Error(), "took longer than 50ms") {
		t.Errorf("%v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestIndex(t *testing.T) {
	_, path := start(t, controltest.Sample(), control.Options{Version: "1.0"})
	got, err := dial(t, path).Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != "1.0" || got.API != "v1" || got.You.UID != uint32(os.Getuid()) || !got.You.Change || len(got.Calls) != 17 {
		t.Errorf("%+v", got)
	}
}

func TestWhatIf(t *testing.T) {
	b := controltest.Sample()
	b.WouldBe = control.WhatIfResult{Matches: 7, Tuples: 2, Unknown: []string{"much"}}
	_, path := start(t, b, control.Options{})
	c := dial(t, path)
	since := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	got, err := c.WhatIf(t.Context(), control.WhatIfRequest{Config: "[policy]", Since: since, Until: since.Add(time.Hour)})
	if err != nil || got.Matches != 7 || !got.Since.Equal(since) || got.Differences == nil || got.Other.Blocked == nil {
		t.Errorf("%+v, %v", got, err)
	}
	var wrong *control.ConfigError
	_, err = c.WhatIf(t.Context(), control.WhatIfRequest{Config: "action = \"deny\""})
	if !errors.As(err, &wrong) || !errors.Is(err, control.ErrInvalid) || len(wrong.Mistakes) != 1 || wrong.Mistakes[0].Line != 1 {
		t.Errorf("a wrong configuration: %v", err)
	}
	if _, err := c.WhatIf(t.Context(), control.WhatIfRequest{Since: since, Until: since}); !errors.Is(err, control.ErrInvalid) {
		t.Errorf("no time at all: %v", err)
	}
	if len(b.By()) != 0 {
		t.Error("asking changed something")
	}
}

func TestFollow(t *testing.T) {
	b := controltest.Sample()
	_, path := start(t, b, control.Options{Heartbeat: 20 * time.Millisecond})
	c := dial(t, path)
	ready := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	var got []string
	done := make(chan error, 1)
	go func() {
		for e, err := range c.Follow(ctx, history.Query{Kinds: []history.Kind{history.KindBlock}}, func() { close(ready) }) {
			if err != nil {
				done <- err
				return
			}
			if got = append(got, e.ID); len(got) == 3 {
				stop()
			}
		}
		done <- nil
	}()
	<-ready
	events := slices.Clone(b.Past)
	b.Happen(events[2])
	b.Happen(events[0]) // of another kind
	b.Happen(history.Event{Text: "9 events were lost"})
	b.Happen(events[2])
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{controltest.ID(4), "", controltest.ID(4)}, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// A follower is told when the agent ends, and does not keep it from ending.
func TestFollowEnds(t *testing.T) {
	b := controltest.Sample()
	path := t.TempDir() + "/c.sock"
	l, err := control.Listen(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- control.NewServer(b, control.Options{}).Serve(ctx, l) }()
	for _, err := range dial(t, path).Follow(t.Context(), history.Query{}, stop) {
		if !errors.Is(err, control.ErrNotRunning) || !strings.Contains(err.Error(), "has ended") {
			t.Error(err)
		}
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	testenv.Until(t, "gone", func() bool { return b.Followers() == 0 })
}
