package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Source delivers flows from one place.
type Source interface {
	// Run delivers batches of flows until the source ends, which is no error,
	// or until ctx ends: then it stops reading, delivers what it has, and
	// returns nil. The receiver must go on receiving until Run has returned; if
	// it does not, Run gives up after 5 seconds and returns an error. Run does
	// not close out. A batch belongs to its receiver, who may Recycle it. Run is
	// called once.
	Run(ctx context.Context, out chan<- []Flow) error
	// Stats tells how the source is. It may be called at any time from any
	// goroutine.
	Stats() Stats
	// String gives the URL.
	String() string
}

// Options are common to all sources.
type Options struct {
	// Number is copied into the field Source of every flow.
	Number uint16
	// Location is the time zone of times in text; nil is UTC.
	Location *time.Location
	// Patient tries again where something is missing that only an admin can mend
	// (a program, a right, an interface), also at the start, where that otherwise
	// ends the source.
	Patient bool
	// User is who the program behind argus:// must run as, on this machine; empty:
	// anybody.
	User string
	// Joining is how an Argus stream's records become flows.
	Joining Joining
	// Log receives what an admin should know: bad lines, once of each kind, and
	// the beginning and the end of what is lost. Nil is silence.
	Log *slog.Logger
}

func (o Options) text() TextOptions {
	return TextOptions{Location: o.Location, Source: o.Number, Joining: o.Joining}
}

// schemes is all that a URL of a source can begin with.
var schemes = []struct {
	name, form string
	parse      func(rest string, url string, opt Options) (Source, error)
}{
	{"argus", "argus://HOST[:PORT] (an Argus, default port 561)", parseArgus},
	{"spawn", "spawn:[IFACE] (an argus of its own on that interface, or on that of the default route)", parseSpawn},
	{"ra", "ra:PATH, ra:- or - (what ra prints)", parseFile},
	{"file", "file:PATH or PATH (stored flows)", parseFile},
	{"follow", "follow:PATH (a file that argus or ra appends to)", parseFollow},
}

var schemeForm = regexp.MustCompile(`(?s)^([a-z][a-z0-9+]+):(.*)$`)

// ParseSource makes the source that a URL names: argus://host:port,
// spawn:IFACE, ra:PATH, ra:-, -, file:PATH, follow:PATH, or a path. It opens
// nothing.
func ParseSource(url string, opt Options) (Source, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if url == "" {
		return nil, errors.New("empty source; " + schemesAllowed())
	}
	m := schemeForm.FindStringSubmatch(url)
	if m == nil {
		return parseFile(url, url, opt)
	}
	for _, s := range schemes {
		if s.name != m[1] {
			continue
		}
		source, err := s.parse(m[2], url, opt)
		if err != nil {
			return nil, fmt.Errorf("source %q: %w; it is written %s", url, err, s.form)
		}
		return source, nil
	}
	return nil, fmt.Errorf("source %q: there is no %q; %s", url, m[1], schemesAllowed())
}

func schemesAllowed() string {
	var forms []string
	for _, s := range schemes {
		forms = append(forms, s.form)
	}
	return "allowed are " + strings.Join(forms, ", ")
}

func parseFile(rest, url string, opt Options) (Source, error) {
	if rest == "" {
		return nil, errors.New("the path is missing")
	}
	return newFileSource(url, rest, opt), nil
}

// defaultArgusPort is where an Argus listens by convention; the original slips
// used 902.
const defaultArgusPort = 561

func parseArgus(rest, whole string, opt Options) (Source, error) {
	u, err := url.Parse(whole)
	if err != nil || !strings.HasPrefix(rest, "//") {
		return nil, errors.New("this is no host and port")
	}
	host, port := u.Hostname(), u.Port()
	switch {
	case host == "" || strings.HasPrefix(host, "-"):
		return nil, errors.New("the host is missing")
	case u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("there is more than host and port")
	case port == "":
		port = strconv.Itoa(defaultArgusPort)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("the port %q is not in 1..65535", port)
	}
	return newArgusSource(whole, net.JoinHostPort(host, port), opt), nil
}

// interfaceForm is what a network interface may be called here: the name is
// written into a configuration of Argus, where other characters have a meaning.
var interfaceForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,14}$`)

func parseSpawn(rest, whole string, opt Options) (Source, error) {
	if rest != "" && !interfaceForm.MatchString(rest) {
		return nil, fmt.Errorf("%q is not the name of an interface", rest)
	}
	return newSpawnSource(whole, rest, opt), nil
}
