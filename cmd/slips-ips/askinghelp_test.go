package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"slips-ips/internal/testenv"
)

// whoHere replaces who runs the test by somebody that all machines have.
type whoHere struct{}

func (*whoHere) replace(s string) string {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	for old, new := range map[string]string{
		fmt.Sprintf(`"pid": %d`, os.Getpid()): `"pid": 1`,
		fmt.Sprintf(`"uid": %d`, os.Getuid()): `"uid": 0`,
		fmt.Sprintf(`"user": %q`, name):       `"user": "root"`,
		fmt.Sprintf(`"by": %q`, name):         `"by": "root"`,
	} {
		s = strings.ReplaceAll(s, old, new)
	}
	return s
}

// schemas are docs/schema, compiled once; in tests a property that no schema
// names is a mistake, for consumers it is a later version.
var schemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "schema", "*.json"))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	found := map[string]*jsonschema.Schema{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		strict(doc)
		if err := c.AddResource(schemaURL(path), doc); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, path := range files {
		s, err := c.Compile(schemaURL(path))
		if err != nil {
			return nil, err
		}
		found[strings.TrimSuffix(filepath.Base(path), ".json")] = s
	}
	return found, nil
})

// schemaURL stands for where the schemas are, for the references between them.
func schemaURL(path string) string { return "file:///schema/" + filepath.Base(path) }

// strict allows no other properties than those that are named.
func strict(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, names := v["properties"].(map[string]any); names && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, sub := range v {
			strict(sub)
		}
	case []any:
		for _, sub := range v {
			strict(sub)
		}
	}
}

// fits checks that text is JSON of a schema.
func fits(t *testing.T, schema string, text []byte) {
	t.Helper()
	all, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	s := all[schema]
	if s == nil {
		t.Fatalf("there is no docs/schema/%s.json", schema)
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", schema, err)
	}
}

// lines collects what a running command prints.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.SplitAfter(l.text.String(), "\n")
}

func (l *lines) line(i int) string { return l.all()[i] }

// wait returns when so many lines are there.
func (l *lines) wait(t *testing.T, n int) {
	t.Helper()
	testenv.Until(t, fmt.Sprintf("%d lines", n), func() bool { return len(l.all()) > n }, func() string { return fmt.Sprintf("%q", l.all()) })
}
