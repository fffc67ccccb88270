package bundle

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestFetch(t *testing.T) {
	good := packed(t, signed(t, 7))
	mux := http.NewServeMux()
	hung := make(chan struct{})
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "slips-ips/test" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked with %v", r.Header)
		}
		_, _ = w.Write(good)
	})
	mux.Handle("/moved", http.RedirectHandler("/good", http.StatusFound))
	mux.Handle("/circle", http.RedirectHandler("/circle", http.StatusFound))
	mux.Handle("/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(good)+10))
		_, _ = w.Write(good)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(MaxArchive+1))
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for data := make([]byte, 1<<20); ; {
			if _, err := w.Write(data); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) { <-hung })
	mux.HandleFunc("/stuck", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(good[:100])
		_ = http.NewResponseController(w).Flush()
		<-hung
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	defer close(hung)
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()

	for _, tt := range []struct{ url, want string }{
		{server.URL + "/good", ""},
		{server.URL + "/moved", ""},
		{server.URL + "/circle", "more than 5 redirections"},
		{server.URL + "/file", "unsupported protocol scheme"},
		{server.URL + "/missing", "the server answered 404"},
		{server.URL + "/short", "it is cut off"},
		{server.URL + "/large", "it is larger than 32 MiB"},
		{server.URL + "/endless", "it is larger than 32 MiB"},
		{server.URL + "/silent", "the server does not answer, or too slowly"},
		{server.URL + "/stuck", "the server does not answer, or too slowly"},
		{"http://" + refusing.Addr().String(), "connection refused"},
		{strings.Replace(server.URL, "http:", "https:", 1), "HTTP response to HTTPS client"},
		{"http://", "is no address of a web server"},
		{strings.Replace(server.URL, "http://", "http://admin:secret@", 1) + "/missing", "http://admin:xxxxx@"},
	} {
		t.Run(tt.url[strings.LastIndexByte(tt.url, '/')+1:], func(t *testing.T) {
			// What hangs is given up; nothing else takes as long.
			patience := time.Minute
			if strings.Contains(tt.want, "too slowly") {
				patience = 100 * time.Millisecond
			}
			ctx, stop := context.WithTimeout(t.Context(), patience)
			defer stop()
			data, err := Fetch(ctx, tt.url, "slips-ips/test")
			switch {
			case tt.want == "" && (err != nil || !bytes.Equal(data, good)):
				t.Errorf("%d bytes, error %v", len(data), err)
			case tt.want != "" && (err == nil || data != nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%d bytes, error %v, want one with %q", len(data), err, tt.want)
			}
		})
	}
}

func TestIsURL(t *testing.T) {
	for s, want := range map[string]bool{"http://a/b": true, "https://a": true, "HTTPS://a": true, "a.tar.gz": false, "/a": false, "ftp://a/b": false, "": false, "\x00": false} {
		if IsURL(s) != want {
			t.Errorf("IsURL(%q) is %v", s, !want)
		}
	}
}
