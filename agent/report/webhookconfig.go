package report

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// WebhookConfig is one [[report.webhook]]: events are posted as JSON. What is
// left out has the default, given with each key.
type WebhookConfig struct {
	// Name tells outputs apart, and is that of the spool's folder.
	Name string `toml:"name"`
	// URL is http or https, without user and password.
	URL string `toml:"url"`
	// Headers are sent with each request; what is secret belongs into TokenFile.
	Headers map[string]string `toml:"headers"`
	// TokenFile has a token, sent as "Authorization: Bearer TOKEN".
	TokenFile string `toml:"token_file"`
	// CAFile has the certificates that the server's is checked against (the
	// system's), CertFile and KeyFile a certificate of our own.
	CAFile   string `toml:"ca_file"`
	CertFile string `toml:"cert_file"`
	KeyFile  string `toml:"key_file"`
	// Timeout is how long a request may take (10s).
	Timeout time.Duration `toml:"timeout"`
	// Batch is how many events a request has at most (1). With 1 its body is the
	// event, with more a list of events.
	Batch int `toml:"batch"`
	// RetryMax is the longest pause between tries (5m).
	RetryMax time.Duration `toml:"retry_max"`
	// SpoolSize is what events that wait may take on the disk, in bytes (64 MiB).
	SpoolSize int64 `toml:"spool_size"`
	Kinds     Kinds `toml:"kinds"` // alert, block, lift
	// Queue is how many events may wait for the disk (4096).
	Queue int `toml:"queue"`
}

func (c WebhookConfig) withDefaults() WebhookConfig {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Batch == 0 {
		c.Batch = 1
	}
	if c.RetryMax == 0 {
		c.RetryMax = 5 * time.Minute
	}
	if c.SpoolSize == 0 {
		c.SpoolSize = 64 << 20
	}
	if len(c.Kinds) == 0 {
		c.Kinds = usualKinds()
	}
	if c.Queue == 0 {
		c.Queue = defaultQueue
	}
	return c
}

func (c WebhookConfig) validate() []error {
	c = c.withDefaults()
	all := append(c.Kinds.validate(), checkQueue(c.Queue)...)
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		all = append(all, fmt.Errorf("url: %q is not allowed; use http://HOST/PATH or https://HOST/PATH", c.URL))
	case u.User != nil:
		all = append(all, errors.New("url: user and password are not allowed in it; put a token into a file and its path into token_file"))
	}
	for name, value := range c.Headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			all = append(all, fmt.Errorf("headers: %q = %q is no header of HTTP", name, value))
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		all = append(all, errors.New("cert_file: it needs key_file, and key_file needs it; give both or none"))
	}
	for key, path := range map[string]string{"token_file": c.TokenFile, "ca_file": c.CAFile, "cert_file": c.CertFile, "key_file": c.KeyFile} {
		if path != "" && !filepath.IsAbs(path) {
			all = append(all, fmt.Errorf("%s: %q is not allowed; use a path from the root", key, path))
		}
	}
	all = append(all, checkSpan("timeout", c.Timeout, 100*time.Millisecond, 10*time.Minute)...)
	all = append(all, checkSpan("retry_max", c.RetryMax, time.Second, 24*time.Hour)...)
	if c.Batch < 1 || c.Batch > 1000 {
		all = append(all, fmt.Errorf("batch: %d is not allowed; use 1 to 1000", c.Batch))
	}
	if c.SpoolSize < 1<<16 || c.SpoolSize > 1<<40 {
		all = append(all, fmt.Errorf("spool_size: %d is not allowed; use %d to %d bytes", c.SpoolSize, 1<<16, int64(1)<<40))
	}
	return all
}

func (c WebhookConfig) spec(opt Options) spec {
	c = c.withDefaults()
	return spec{name: "webhook/" + c.Name, to: shownURL(c.URL), config: c, kinds: c.Kinds, queue: c.Queue, workers: 1,
		reread: c.TokenFile+c.CAFile+c.CertFile != "",
		open:   func() (sink, error) { return c.open(opt) }}
}

// shownURL leaves out what may be secret in a URL.
func shownURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// open reads the files that the webhook needs; nothing is connected yet.
func (c WebhookConfig) open(opt Options) (sink, error) {
	key := "report.webhook." + c.Name
	if opt.State == "" {
		return nil, fmt.Errorf("%s: there is no state folder to keep events in until they are sent", key)
	}
	w := &webhook{
		cfg: c, url: c.URL, agent: strings.TrimSuffix("slips-ips/"+opt.Version, "/"), log: opt.Log,
		spool: spool{dir: filepath.Join(opt.State, "spool", "webhook-"+c.Name), max: c.SpoolSize},
		wake:  make(chan struct{}, 1), changed: make(chan struct{}),
	}
	if c.TokenFile != "" {
		token, err := readSecret(c.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("%s.token_file: %w", key, err)
		}
		if w.token = string(bytes.TrimSpace(token)); w.token == "" || !httpguts.ValidHeaderFieldValue(w.token) {
			return nil, fmt.Errorf("%s.token_file: %s has no token, on one line", key, c.TokenFile)
		}
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%s.ca_file: %w", key, err)
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s.ca_file: %s has no certificate in the PEM form", key, c.CAFile)
		}
	}
	if c.CertFile != "" {
		pem, err := readSecret(c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("%s.key_file: %w", key, err)
		}
		cert, err := os.ReadFile(c.CertFile)
		if err != nil {
			return nil, fmt.Errorf("%s.cert_file: %w", key, err)
		}
		pair, err := tls.X509KeyPair(cert, pem)
		if err != nil {
			return nil, fmt.Errorf("%s.cert_file: %w", key, err)
		}
		secure.Certificates = []tls.Certificate{pair}
	}
	w.client = http.Client{
		Timeout:   c.Timeout,
		Transport: &http.Transport{TLSClientConfig: secure, MaxConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
		// A redirected POST would become a GET, or take the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w, nil
}

// maxSecret is far above any token or key.
const maxSecret = 64 << 10

// readSecret reads a file that must not be readable by everybody.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("everybody may read %s, which is a secret; chmod o= %s", path, path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(b) > maxSecret {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxSecret)
	}
	return b, err
}
