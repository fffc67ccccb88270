package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// The times of a transfer. The context has the last word.
const (
	dialTime   = 10 * time.Second
	answerTime = 20 * time.Second // until the headers are there
	maxHops    = 5
)

// IsURL tells whether s is an address that Fetch knows, and not a file.
func IsURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// Fetch gets an archive from a web server; agent is told to the server. It
// gives up when ctx does, and where the answer is larger than MaxArchive. What
// it gives is not checked yet: that is why http is as good as https, but for who
// can see what is fetched.
func Fetch(ctx context.Context, address, agent string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("fetching a bundle: %.200q is no address of a web server", address)
	}
	data, err := fetch(ctx, u, agent)
	var timeout net.Error
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	case errors.As(err, &timeout) && timeout.Timeout():
		err = fmt.Errorf("the server does not answer, or too slowly: %w", err)
	}
	return nil, fmt.Errorf("fetching the bundle %s: %w", u.Redacted(), err)
}

func fetch(ctx context.Context, u *url.URL, agent string) ([]byte, error) {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTime}).DialContext,
		TLSHandshakeTimeout:    dialTime,
		ResponseHeaderTimeout:  answerTime,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // else a .tar.gz may come unpacked, without limit
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
	}
	client := http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxHops {
			return fmt.Errorf("more than %d redirections", maxHops)
		}
		return nil
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", agent)
	resp, err := client.Do(req)
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err // its URL is told already
		}
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		// Not in the server's words, which could harm a terminal.
		return nil, fmt.Errorf("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if resp.ContentLength > MaxArchive {
		return nil, errArchive
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxArchive+1))
	if err != nil {
		return nil, cut(err)
	}
	if len(data) > MaxArchive {
		return nil, errArchive
	}
	return data, nil
}

var errArchive = fmt.Errorf("it is larger than %d MiB, which no bundle is", MaxArchive>>20)
