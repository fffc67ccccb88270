package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"slips-ips/agent/control"
)

//go:embed templates static
var files embed.FS

// Agent is what the pages ask: the agent as the control socket has it, and what only
// the pages show.
type Agent interface {
	control.Backend
	// Models lists those in use.
	Models(context.Context) ([]Model, error)
	// Configuration gives what is in force.
	Configuration(context.Context) (Configuration, error)
}

// Model is one that is in use, with what came of it.
type Model struct {
	Label, Class, Kind, Proto, File string
	// Data says what it was learned from, Licence under what terms it may be used.
	Data, Licence string
	// Detections counts those under its label since the start. A label may have
	// several models; it is told at each.
	Detections uint64
}

// Configuration is what the agent runs on.
type Configuration struct {
	// Path is the file, empty where there is none; Loaded is when it was read.
	Path   string
	Loaded time.Time
	// Text has the tables that decide what is blocked, as slips.toml has them, the
	// defaults included: nothing that is secret.
	Text string
}

// Pages answers below control.PagePath.
type Pages struct {
	agent Agent
	log   *slog.Logger
	// key makes the tokens of forms; it ends with the process.
	key    []byte
	pages  map[string]*template.Template
	mux    *http.ServeMux
	now    func() time.Time
	static http.Handler
}

// NewPages prepares the pages. A nil log is silence.
func NewPages(a Agent, log *slog.Logger) (*Pages, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Pages{agent: a, log: log, key: make([]byte, 32), now: time.Now}
	_, _ = rand.Read(p.key) // it never fails
	var err error
	if p.pages, err = parseTemplates(); err != nil {
		return nil, err
	}
	if p.static, err = staticFiles(); err != nil {
		return nil, err
	}
	p.routes()
	return p, nil
}

func parseTemplates() (map[string]*template.Template, error) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	base, err := template.New("").Funcs(functions).ParseFS(files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("reading the embedded templates: %w", err)
	}
	all := map[string]*template.Template{}
	for _, name := range names {
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(files, name)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the embedded template %s: %w", name, err)
		}
		all[name[len("templates/"):len(name)-len(".html")]] = t
	}
	return all, nil
}

// request is one visit of a page.
type request struct {
	*http.Request
	by control.Visitor
	p  *Pages
}

// view is what every page is made of.
type view struct {
	Title, Section string
	By             control.Visitor
	Session        bool // it may be ended
	Token          string
	Now            time.Time
	Refresh        bool // it is of this moment, and the script may fetch it again
	Body           any
}

type handler func(*request) (answer, error)

// answer is a page, or where to go.
type answer struct {
	name    string // of the template
	title   string
	section string
	refresh bool
	body    any
	to      string // redirect, where it is not empty
	status  int    // 200 where it is 0
}

func (p *Pages) routes() {
	p.mux = http.NewServeMux()
	handle := func(pattern string, h handler) {
		p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, h) })
	}
	root := control.PagePath
	p.mux.Handle("GET "+staticPath, p.static)
	handle("GET "+root+"{$}", (*request).overview)
	handle("GET "+root+"tuples", (*request).tuples)
	handle("GET "+root+"tuple", (*request).tuple)
	handle("GET "+root+"alerts", (*request).alerts)
	handle("GET "+root+"blocks", (*request).blocks)
	handle("GET "+root+"allows", (*request).allows)
	handle("GET "+root+"models", (*request).models)
	handle("GET "+root+"policy", (*request).policy)
	handle("POST "+root+"whatif", (*request).whatIf)
	handle("POST "+root+"do/{action}", (*request).do)
	handle(root, func(*request) (answer, error) {
		return answer{}, fmt.Errorf("%w: there is no such page", control.ErrNotFound)
	})
}

type visitorKey struct{}

// Serve answers a request of v, who may read.
func (p *Pages) Serve(w http.ResponseWriter, r *http.Request, v control.Visitor) {
	setHeaders(w.Header())
	p.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
}

func (p *Pages) serve(w http.ResponseWriter, r *http.Request, h handler) {
	w.Header().Set("Cache-Control", "no-store")
	v, _ := r.Context().Value(visitorKey{}).(control.Visitor)
	rq := &request{r, v, p}
	a, err := answer{}, error(nil)
	if r.Method == http.MethodPost {
		err = rq.checkForm()
	}
	if err == nil {
		a, err = h(rq)
	}
	if err != nil {
		a = p.failed(r, err)
	}
	if a.to != "" {
		http.Redirect(w, r, a.to, http.StatusSeeOther)
		return
	}
	p.render(w, rq, a)
}

// render writes a page. It is made in memory first: a page is a few hundred rows, and
// a mistake in one must not leave half of it.
func (p *Pages) render(w http.ResponseWriter, rq *request, a answer) {
	var out bytes.Buffer
	v := view{Title: a.title, Section: a.section, By: rq.by, Token: p.formToken(rq.by), Now: p.now(), Refresh: a.refresh, Body: a.body,
		Session: sessionOf(rq.Request)}
	if err := p.pages[a.name].ExecuteTemplate(&out, "layout", v); err != nil {
		p.log.Error("a page was not made", "page", a.name, "error", err)
		http.Error(w, "this page could not be made; the agent's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(out.Bytes()) // who went away does not matter
}

// failedBody says what went wrong, and on which page to try again.
type failedBody struct{ Text, Section string }

// failed is the page of an error.
func (p *Pages) failed(r *http.Request, err error) answer {
	status := http.StatusInternalServerError
	section := strings.TrimPrefix(r.URL.Path, control.PagePath)
	if a, ok := actions[strings.TrimPrefix(section, "do/")]; ok {
		section = a.section
	}
	if !slices.Contains([]string{"alerts", "allows", "blocks", "policy", "tuples"}, section) {
		section = ""
	}
	body := failedBody{Text: errorText(err), Section: section}
	for _, k := range []struct {
		err    error
		status int
		title  string
	}{
		{errForm, http.StatusForbidden, "Not done"},
		{control.ErrForbidden, http.StatusForbidden, "Not permitted"},
		{control.ErrNotFound, http.StatusNotFound, "Not found"},
		{control.ErrRefused, http.StatusConflict, "Refused"},
		{control.ErrInvalid, http.StatusBadRequest, "Not understood"},
		{control.ErrUnavailable, http.StatusServiceUnavailable, "Not available"},
		{control.ErrBusy, http.StatusTooManyRequests, "Busy"},
		{context.DeadlineExceeded, http.StatusGatewayTimeout, "Too slow"},
	} {
		if errors.Is(err, k.err) {
			return answer{name: "error", title: k.title, section: section, status: k.status, body: body}
		}
	}
	if !errors.Is(err, context.Canceled) {
		p.log.Warn("a page failed", "path", r.URL.Path, "error", err)
	}
	return answer{name: "error", title: "Failed", status: status, body: body}
}
