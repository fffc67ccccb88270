package report

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"slips-ips/agent/history"
)

func eventSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(filepath.Join("..", "..", "docs", "schema", "event.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What hooks and webhooks get is what docs/schema/event.json says.
func TestEventsFitTheSchema(t *testing.T) {
	schema := eventSchema(t)
	out := filepath.Join(t.TempDir(), "events")
	hook := script(t, `cat >>"$1"`)
	h := newHooked(t)
	r := testReporter(t, func(c *Config) {
		c.Exec = []ExecConfig{{Name: "a", Program: hook, Args: []string{out}, Kinds: allKinds}}
		c.Webhooks = []WebhookConfig{{Name: "a", URL: h.URL, Kinds: allKinds}}
	}, testOptions(t))
	events := testEvents(t)
	for _, name := range slices.Sorted(maps.Keys(events)) {
		r.Event(events[name])
	}
	mustClose(t, r)
	check := func(text []byte) {
		t.Helper()
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	n := 0
	for line := range bytes.Lines([]byte(read(t, out))) {
		check(line)
		n++
	}
	if n != len(events) || len(h.bodies) != len(events) {
		t.Errorf("%d and %d of %d events arrived", n, len(h.bodies), len(events))
	}
	for _, b := range h.bodies {
		check([]byte(b))
	}
	e := testEvent(history.KindAlert, usualTuple(t))
	it := item{event: &e, held: held{Count: 3, Since: testTime}}
	b, err := it.json()
	if err != nil {
		t.Fatal(err)
	}
	check(b)
}

// The schema refuses what is no event, and has every field that there is.
func TestSchemaIsStrict(t *testing.T) {
	schema := eventSchema(t)
	for name, change := range map[string]func(map[string]any){
		"kind":         func(v map[string]any) { v["kind"] = "alarm" },
		"no id":        func(v map[string]any) { delete(v, "id") },
		"time":         func(v map[string]any) { v["time"] = "yesterday" },
		"no decision":  func(v map[string]any) { delete(v, "decision") },
		"action":       func(v map[string]any) { v["decision"].(map[string]any)["action"] = "deny" },
		"block":        func(v map[string]any) { v["block"] = map[string]any{} },
		"text of many": func(v map[string]any) { v["text"] = []any{"x"} },
	} {
		e := testEvent(history.KindBlock, usualTuple(t))
		var v map[string]any
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		change(v)
		if schema.Validate(v) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	var written struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema", "event.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &written); err != nil {
		t.Fatal(err)
	}
	for name, e := range testEvents(t) {
		it := item{event: &e}
		b, err := it.json()
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		for field, value := range v {
			if _, ok := written.Properties[field]; !ok {
				t.Errorf("%s: %s is not in the schema", name, field)
			}
			inner, _ := value.(map[string]any)
			def := map[string]string{"by": "who"}[field]
			if def == "" {
				def = field
			}
			for f := range inner {
				if _, ok := written.Defs[def].Properties[f]; !ok {
					t.Errorf("%s: %s.%s is not in the schema", name, field, f)
				}
			}
		}
	}
}
