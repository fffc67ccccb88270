package web

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/picture"
)

const staticPath = control.PagePath + "static/"

// staticFiles serves what belongs to the pages; the style of pictures is theirs. A
// browser that has a file asks only whether it is still the same: over a slow line
// they are more than the page.
func staticFiles() (http.Handler, error) {
	all := map[string][]byte{"pictures.css": []byte(picture.Style)}
	names, err := fs.ReadDir(files, "static")
	for _, n := range names {
		if err == nil {
			all[n.Name()], err = files.ReadFile(path.Join("static", n.Name()))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the embedded files: %w", err)
	}
	tags := map[string]string{}
	for name, text := range all {
		tags[name] = fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(text))[:32])
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[len(staticPath):]
		text, ok := all[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tags[name])
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
	}), nil
}
