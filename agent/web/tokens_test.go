package web

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func copyAll(w io.Writer, resp *http.Response) (int64, error) { return io.Copy(w, resp.Body) }

func hashOf(s string) [sha256.Size]byte { return sha256.Sum256([]byte(s)) }

func TestParseTokens(t *testing.T) {
	long := strings.Repeat("x", leastToken)
	var many strings.Builder
	for i := range maxTokens + 1 {
		fmt.Fprintf(&many, "n%d look %s%d\n", i, long, i)
	}
	for _, c := range []struct{ text, wrong string }{
		{"", ""},
		{"# nobody\n\n", ""},
		{"anna change " + long, ""},
		{"anna change " + long + "\nbob look " + long + "y\n", ""},
		{"anna " + long, "1: a line has"},
		{"\nanna admin " + long, `2: "admin" is not allowed`},
		{"anna look short", "needs 32"},
		{"anna look " + long + "\nanna change " + long, `2: the name "anna" is there twice`},
		{strings.Repeat("a", maxName+1) + " look " + long, "a name has at most"},
		{"a\u202eb look " + long, "a name has at most"},
		{many.String(), "1001: there are more than 1000"},
		{strings.Repeat("#\n", maxTokensSize), "larger than"},
	} {
		list, err := parseTokens([]byte(c.text))
		if (err == nil) != (c.wrong == "") || err != nil && (!strings.Contains(err.Error(), c.wrong) || list != nil) {
			t.Errorf("%.60q: %v, want %q", c.text, err, c.wrong)
		}
	}
	list, err := parseTokens([]byte("anna change " + long + "\nbob look " + long + "y\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := find(list, long+"y"); !ok || got.name != "bob" || got.change {
		t.Errorf("%+v, %v", got, ok)
	}
	if got, ok := find(list, long); !ok || got.name != "anna" || !got.change {
		t.Errorf("%+v, %v", got, ok)
	}
	for _, said := range []string{"", "anna", long[1:], long + "z"} {
		if got, ok := find(list, said); ok {
			t.Errorf("%q is %s", said, got.name)
		}
	}
}

func TestTokensForAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	writeTokens(t, path, "anna change "+annas+"\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	file := tokens{path: path}
	if list, err := file.now(); err == nil || !strings.Contains(err.Error(), "chmod o= ") || list != nil {
		t.Errorf("%v, %v", list, err)
	}
	// What the error says helps, and so does what it does not say.
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if list, err := file.now(); err != nil || len(list) != 1 {
		t.Errorf("afterwards: %v, %v", list, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if list, err := file.now(); err == nil || list != nil {
		t.Errorf("opened to all later: %v, %v", list, err)
	}
}

func FuzzTokens(f *testing.F) {
	f.Add([]byte("anna change " + annas + "\n# x\n"))
	f.Add([]byte("\x00 look " + annas))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseTokens(data)
		if err != nil && list != nil || len(list) > maxTokens {
			t.Fatalf("%d tokens and %v", len(list), err)
		}
		for _, k := range list {
			if k.name == "" || plain(k.name) != k.name {
				t.Errorf("the name %q", k.name)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for listen, wrong := range map[string]string{
		"127.0.0.1:9561": "", "[::1]:9561": "", "": "",
		"localhost:9561": "no address", "127.0.0.1": "no address", "127.0.0.1:0": "1 to 65535", "0.0.0.0:9561": "only this host", "192.0.2.1:80": "only this host", "[::]:80": "only this host",
	} {
		err := Config{Listen: listen, Tokens: "/x"}.Validate()
		if (err == nil) != (wrong == "") || err != nil && (!strings.HasPrefix(err.Error(), "listen: ") || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%q: %v", listen, err)
		}
	}
	for _, c := range []Config{{Tokens: "relative"}, {Listen: "127.0.0.1:1"}} {
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "tokens: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
