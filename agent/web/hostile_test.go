package web

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"slips-ips/agent/control/controltest"
	"slips-ips/agent/status"
)

// hostile is what a label, a comment or a name from a feed could be.
const hostile = `<script src=//evil.example>x</script>"'><img src=x onerror=alert(1)>{{.}}` + "\x1b[2J\x00\u202egnp\u200b\u3164\ufe0f" + "e\u0301\u0302\u0303\u0304\u0305" + `&lt;javascript:alert(2)`

// poison puts it everywhere that something from outside can be.
func poison() *testAgent {
	a := newAgent()
	for i := range a.Known {
		a.Known[i].Label, a.Known[i].Letters = hostile, hostile
	}
	for i := range a.InForce {
		b := &a.InForce[i]
		b.Label, b.Reason = hostile, hostile
		if b.By != nil {
			by := *b.By
			by.User, by.Login, by.From = hostile, hostile, hostile
			b.By = &by
		}
	}
	for i := range a.Past {
		e := &a.Past[i]
		e.Text, e.Error, e.Changes = hostile, hostile, []string{hostile}
		if e.Decision != nil {
			e.Decision.Reason, e.Decision.Label, e.Decision.Rule = hostile, hostile, hostile
		}
		if e.Feed != nil {
			e.Feed.Source = hostile
		}
		if e.Block != nil {
			e.Block.Label = hostile
		}
	}
	for i := range a.Allowed {
		a.Allowed[i].Comment, a.Allowed[i].By = hostile, hostile
	}
	for i := range a.models {
		a.models[i].Label, a.models[i].File, a.models[i].Data, a.models[i].Proto = hostile, hostile, hostile, hostile
	}
	s := &a.State
	for i := range s.Problems {
		s.Problems[i].What = hostile
	}
	for i := range s.Feeds {
		s.Feeds[i].URL, s.Feeds[i].Error = hostile, hostile
	}
	s.Detection.Labels = map[string]uint64{hostile: 3}
	s.Config.Path, s.Config.Failed, s.Version, s.Enforce.PausedBy = hostile, hostile, hostile, hostile
	s.Enforce.Paused, s.Enforce.Hindrance = controltest.Now, status.HindrancePaused
	a.text = hostile
	e := &a.Explanation
	e.Verdict, e.Protected = hostile, hostile
	e.Judgement.Label, e.Judgement.Seen, e.Judgement.Missing = hostile, hostile, hostile
	e.Judgement.For, e.Judgement.Against = []string{hostile}, []string{hostile}
	e.Ruling.File, e.Ruling.Decision.Reason, e.Ruling.Decision.Rule = hostile, hostile, hostile
	return a
}

// Whatever it says is text: of all elements and attributes there are only ours.
func TestHostile(t *testing.T) {
	p := newPages(t, poison())
	who := admin
	who.Name = hostile
	filters := "?match=" + url.QueryEscape(hostile) + "&label=" + url.QueryEscape(hostile) + "&tuple=" + url.QueryEscape(hostile)
	var list []string
	for _, path := range allPages {
		list = append(list, get(p, who, path).Body.String())
		if !strings.Contains(path, "?") {
			list = append(list, get(p, who, path+filters).Body.String())
		}
	}
	for action := range actions {
		for _, sure := range []string{"", "yes"} {
			form := url.Values{"tuple": {tuple}, "network": {"203.0.113.0/24"}, "block": {hostile}, hostile: {hostile}, "comment": {"<b>bold</b>"}, "sure": {sure}}
			list = append(list, post(p, who, "/ui/do/"+action, form).Body.String())
		}
	}
	list = append(list, post(p, who, "/ui/whatif", url.Values{"config": {hostile}, "since": {"1d"}}).Body.String())
	for _, page := range list {
		walk(t, page, func(n *html.Node) {
			switch n.Data {
			case "script":
				if attribute(n, "src") != "/ui/static/refresh.js" || n.FirstChild != nil {
					t.Errorf("a script: %v", n.Attr)
				}
			case "img", "iframe", "object", "embed", "base", "style", "b":
				t.Errorf("the element %s", n.Data)
			}
			for _, a := range n.Attr {
				name := strings.ToLower(a.Key)
				if strings.HasPrefix(name, "on") || name == "style" || name == "srcdoc" {
					t.Errorf("the attribute %s of %s", a.Key, n.Data)
				}
				if name == "href" || name == "src" || name == "action" {
					if u, err := url.Parse(a.Val); err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(a.Val, "/ui/") && !strings.HasPrefix(a.Val, "#") {
						t.Errorf("%s leads to %q", n.Data, a.Val)
					}
				}
			}
		})
		for _, bad := range []string{"\x1b", "\x00", "\u202e", "\u200b", "\u3164", "\ufe0f", "\u0304"} {
			// What a form carries on goes back as it came.
			if strings.Contains(textOf(t, page), bad) && !strings.Contains(page, "<textarea") {
				t.Errorf("%q is in the text of %.300s", bad, textOf(t, page))
			}
		}
	}
}
