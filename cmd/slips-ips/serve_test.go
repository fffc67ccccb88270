package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// signedModel is what scripts make bundles of.
const signedModel = `label = "From-Normal-TCP-HTTPS-poll-1"
class = "normal"
protocol = "tcp"
kind = "behaviour"

[behaviour]
min_contacts = 5
merge = "500ms"
min_gap = "10m"
max_gap = "22m"
max_gap_spread = 0.1
max_size_spread = 0.5
`

// serves serves the files of a folder on loopback until the script ends, and puts
// its address into a variable: serves VARIABLE DIR. What is below /hang/ begins
// and never ends, what is below /silent/ is not answered at all.
func serves(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serves VARIABLE DIR")
	}
	dir := ts.MkAbs(args[1])
	files := http.FileServer(http.Dir(dir))
	ended := make(chan struct{})
	mux := http.NewServeMux()
	mux.Handle("/", files)
	mux.HandleFunc("/silent/", func(http.ResponseWriter, *http.Request) { <-ended })
	mux.HandleFunc("/hang/", func(w http.ResponseWriter, r *http.Request) {
		data, err := os.ReadFile(filepath.Join(dir, filepath.Base(r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data[:len(data)/2])
		_ = http.NewResponseController(w).Flush()
		<-ended
	})
	server := httptest.NewServer(mux)
	ts.Defer(func() {
		close(ended)
		server.Close()
	})
	ts.Setenv(args[0], server.URL)
}
