package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// testAgent is an agent in memory.
type testAgent struct {
	*controltest.Backend
	models []Model
	text   string
	// FailEvents is why there is no history.
	FailEvents error
	FailWhatIf error
}

func (a *testAgent) WhatIf(ctx context.Context, q control.WhatIfRequest) (control.WhatIfResult, error) {
	if a.FailWhatIf != nil {
		return control.WhatIfResult{}, a.FailWhatIf
	}
	return a.Backend.WhatIf(ctx, q)
}

func (a *testAgent) Events(ctx context.Context, q history.Query) (history.Page, error) {
	if a.FailEvents != nil {
		return history.Page{}, a.FailEvents
	}
	return a.Backend.Events(ctx, q)
}

func (a *testAgent) Models(context.Context) ([]Model, error) { return a.models, a.Fail }

func (a *testAgent) Configuration(context.Context) (Configuration, error) {
	return Configuration{Path: "/etc/slips-ips/slips.toml", Loaded: controltest.Now, Text: a.text}, a.Fail
}

func newAgent() *testAgent {
	b := controltest.Sample()
	for i := range 32 {
		start := controltest.Now.Add(time.Duration(i-40)*time.Minute + time.Duration(i*i%7)*time.Second)
		b.Explanation.Judgement.Contacts = append(b.Explanation.Judgement.Contacts, detection.Contact{Start: argusfeed.TimeOf(start), Bytes: uint64(1400 + i*i%90)})
	}
	return &testAgent{Backend: b, text: "[policy]\nmatches = 3\n", models: []Model{
		{Label: "From-Botnet-TCP-HTTP-Zeus.CC-1", Class: "malicious", Kind: "behaviour", Proto: "tcp", File: "zeus.toml", Data: "CTU-13"},
		{Label: "From-Generic-TCP-HTTPS-beacon-regular", Class: "malicious", Kind: "behaviour", File: "generic.toml", Detections: 31},
	}}
}

func newPages(t testing.TB, a Agent) *Pages {
	t.Helper()
	p, err := NewPages(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.now = func() time.Time { return controltest.Now }
	return p
}

var (
	admin  = control.Visitor{Key: "uid 0", Name: "root", Change: true, Who: func(context.Context) history.Who { return history.Who{User: "root"} }}
	looker = control.Visitor{Key: "uid 7", Name: "bob", Who: func(context.Context) history.Who { return history.Who{UID: 7, User: "bob"} }}
)

// get asks for a page.
func get(p *Pages, by control.Visitor, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.Serve(w, httptest.NewRequest(http.MethodGet, path, nil), by)
	return w
}

// post sends a form, with the token of its visitor.
func post(p *Pages, by control.Visitor, path string, form url.Values) *httptest.ResponseRecorder {
	if form.Get("form") == "" {
		form.Set("form", p.formToken(by))
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	p.Serve(w, r, by)
	return w
}

// walk visits all elements of a page.
func walk(t testing.TB, page string, visit func(*html.Node)) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			visit(n)
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// textOf is what is to be read of a page.
func textOf(t testing.TB, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
