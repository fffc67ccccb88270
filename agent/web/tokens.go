package web

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// Bounds of a file of tokens.
const (
	maxTokens     = 1000
	maxTokensSize = 256 << 10
	// leastToken is the shortest token: so long that guessing is hopeless at any rate.
	leastToken = 32
	maxName    = 64
)

// token is one who may look at the page.
type token struct {
	name   string
	change bool
	hash   [sha256.Size]byte
}

// tokens is the file of tokens. It is read again when it has changed: a token that is
// taken out is worth nothing from then on. It is safe for concurrent use.
type tokens struct {
	path string

	mu   sync.Mutex
	seen fileState
	list []token
	err  error
}

// fileState tells whether a file is another one than before.
type fileState struct {
	size     int64
	modified time.Time
	mode     fs.FileMode
}

// now gives the tokens that are in the file; none where it cannot be read.
func (t *tokens) now() ([]token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	info, err := os.Stat(t.path)
	if err != nil {
		t.seen, t.list = fileState{}, nil
		return nil, fmt.Errorf("reading the tokens of the web page: %w", err)
	}
	// What was wrong may have been mended without a change of the file itself, as by
	// chown.
	if is := (fileState{info.Size(), info.ModTime(), info.Mode()}); is != t.seen || t.err != nil {
		t.list, t.err = readTokens(t.path)
		t.seen = is
	}
	return t.list, t.err
}

// readTokens reads a file that nobody but its owner and group may read.
func readTokens(path string) ([]token, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the tokens of the web page: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the tokens of the web page: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("reading the tokens of the web page: everybody may read %s; take it away with chmod o= %s", path, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxTokensSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the tokens of the web page: %w", err)
	}
	list, err := parseTokens(data)
	if err != nil {
		return nil, fmt.Errorf("reading the tokens of the web page: %s:%w", path, err)
	}
	return list, nil
}

// parseTokens reads lines of a name, look or change, and the token itself.
func parseTokens(data []byte) ([]token, error) {
	if len(data) > maxTokensSize {
		return nil, fmt.Errorf("1: the file is larger than %d bytes", maxTokensSize)
	}
	var list []token
	names := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxTokensSize+1)
	for n := 1; lines.Scan(); n++ {
		part := strings.Fields(lines.Text())
		if len(part) == 0 || strings.HasPrefix(part[0], "#") {
			continue
		}
		var wrong error
		switch {
		case len(part) != 3:
			wrong = errors.New("a line has a name, look or change, and the token")
		case part[1] != "look" && part[1] != "change":
			wrong = fmt.Errorf("%q is not allowed; use look or change", part[1])
		case len(part[0]) > maxName || plain(part[0]) != part[0]:
			wrong = fmt.Errorf("a name has at most %d bytes, all of them to be seen", maxName)
		case names[part[0]]:
			wrong = fmt.Errorf("the name %q is there twice", part[0])
		case len(part[2]) < leastToken:
			wrong = fmt.Errorf("the token of %s has %d characters and needs %d; make one with: openssl rand -hex 32", part[0], len(part[2]), leastToken)
		case len(list) == maxTokens:
			wrong = fmt.Errorf("there are more than %d tokens", maxTokens)
		}
		if wrong != nil {
			return nil, fmt.Errorf("%d: %w", n, wrong)
		}
		names[part[0]] = true
		list = append(list, token{part[0], part[1] == "change", sha256.Sum256([]byte(part[2]))})
	}
	return list, lines.Err()
}

// find gives the token that somebody says he has, always after comparing with all.
func find(list []token, said string) (found token, ok bool) {
	hash := sha256.Sum256([]byte(said))
	for _, t := range list {
		if subtle.ConstantTimeCompare(hash[:], t.hash[:]) == 1 {
			found, ok = t, true
		}
	}
	return found, ok
}
