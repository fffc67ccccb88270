package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/policy"
)

// Client asks an agent. It is safe for concurrent use.
type Client struct {
	path string
	http *http.Client

	mu    sync.Mutex
	ready net.Conn // the connection of Dial, for the first request
}

// dialTime is how long a living agent may take to accept.
const dialTime = 5 * time.Second

// Dial connects to the agent whose socket is at path. Its error is
// ErrNotRunning or ErrForbidden where that is why, and says what helps.
func Dial(path string) (*Client, error) {
	c := &Client{path: path}
	conn, err := c.dial(context.Background())
	if err != nil {
		return nil, err
	}
	c.ready = conn
	c.http = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c.mu.Lock()
			conn := c.ready
			c.ready = nil
			c.mu.Unlock()
			if conn != nil {
				return conn, nil
			}
			return c.dial(ctx)
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 2,
	}}
	return c, nil
}

// Close gives up the connections that nobody uses.
func (c *Client) Close() {
	c.mu.Lock()
	conn := c.ready
	c.ready = nil
	c.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
	c.http.CloseIdleConnections()
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, "unix", c.path)
	switch {
	case err == nil:
		return newClientConn(conn), nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, &kindError{ErrNotRunning, fmt.Sprintf("no agent answers at %s: it is not running (slips-ips run), or its socket is elsewhere (--socket)", c.path)}
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, &kindError{ErrNotRunning, fmt.Sprintf("no agent answers at %s: the one that made this socket is not running any more (slips-ips run)", c.path)}
	case errors.Is(err, syscall.EAGAIN):
		return nil, &kindError{ErrBusy, fmt.Sprintf("the agent at %s lets nobody in now: too many are waiting, or it hangs", c.path)}
	case errors.Is(err, fs.ErrPermission):
		return nil, &kindError{ErrForbidden, fmt.Sprintf("the socket %s may not be used by this user: %s", c.path, whoMay(c.path))}
	}
	return nil, fmt.Errorf("connecting to the agent: %w", err)
}

// whoMay says who may use a socket.
func whoMay(path string) string {
	if info, err := os.Stat(path); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Gid != 0 {
			return "be root, or a member of the group " + groupName(int(st.Gid))
		}
	}
	return "be root"
}

// Index gives what the server says of itself and of the client.
func (c *Client) Index(ctx context.Context) (Index, error) {
	return get[Index](ctx, c, "", "")
}

// Status gives how the agent is.
func (c *Client) Status(ctx context.Context) (status.Status, error) {
	return get[status.Status](ctx, c, "/status", "")
}

// Tuples lists tuples.
func (c *Client) Tuples(ctx context.Context, q TupleQuery) (TupleList, error) {
	return get[TupleList](ctx, c, "/tuples", q.encode())
}

// ExplainTuple tells all that is known of a tuple.
func (c *Client) ExplainTuple(ctx context.Context, tuple string) (Explanation, error) {
	return get[Explanation](ctx, c, "/explain", url.Values{"tuple": {tuple}}.Encode())
}

// ExplainID tells all that is known of what an event, decision or block is about.
func (c *Client) ExplainID(ctx context.Context, id string) (Explanation, error) {
	return get[Explanation](ctx, c, "/explain", url.Values{"id": {id}}.Encode())
}

// Events gives a page of what happened.
func (c *Client) Events(ctx context.Context, q history.Query) (history.Page, error) {
	return get[history.Page](ctx, c, "/events", encodeEvents(q))
}

// Blocks lists blocks.
func (c *Client) Blocks(ctx context.Context, q BlockQuery) (BlockList, error) {
	return get[BlockList](ctx, c, "/blocks", q.encode())
}

// NewBlock is what AddBlock takes: a BlockRequest whose tuple is text, so that names
// in it are those of the agent's feeds.
type NewBlock struct {
	// Tuple is written source-destination-port-protocol.
	Tuple string
	// Scope is how much of its traffic; empty: the tuple. Verdict and Duration are
	// those of [enforce] and [policy] where they are empty.
	Scope    policy.Scope
	Verdict  policy.Verdict
	Duration time.Duration
	// Comment says what for. Force overrides the guards that may be overridden.
	Comment string
	Force   bool
}

// AddBlock blocks by hand.
func (c *Client) AddBlock(ctx context.Context, b NewBlock) (BlockInfo, error) {
	return ask[BlockInfo](ctx, c, http.MethodPost, "/blocks", "", blockBody{
		Tuple: b.Tuple, Scope: string(b.Scope), Verdict: string(b.Verdict), DurationNS: b.Duration, Comment: b.Comment, Force: b.Force,
	})
}

// RemoveBlock lifts a block.
func (c *Client) RemoveBlock(ctx context.Context, idOrTuple string) (BlockInfo, error) {
	return ask[BlockInfo](ctx, c, http.MethodDelete, "/blocks/"+url.PathEscape(idOrTuple), "", nil)
}

// FlushBlocks lifts all blocks.
func (c *Client) FlushBlocks(ctx context.Context) (Flushed, error) {
	return ask[Flushed](ctx, c, http.MethodDelete, "/blocks", "all=true", nil)
}

// Allows lists the networks that are never blocked.
func (c *Client) Allows(ctx context.Context) ([]Allow, error) {
	list, err := get[AllowList](ctx, c, "/allows", "")
	return list.Allows, err
}

// AddAllow makes a network one that is never blocked. Only Network, Comment and
// Until of a count.
func (c *Client) AddAllow(ctx context.Context, a Allow) (AllowResult, error) {
	return ask[AllowResult](ctx, c, http.MethodPost, "/allows", "", allowBody{Network: a.Network, Comment: a.Comment, Until: a.Until})
}

// RemoveAllow ends an entry of AddAllow.
func (c *Client) RemoveAllow(ctx context.Context, network string) (Allow, error) {
	return ask[Allow](ctx, c, http.MethodDelete, "/allows", url.Values{"network": {network}}.Encode(), nil)
}

// Reload reads the configuration, the models and the allow list again.
func (c *Client) Reload(ctx context.Context, r ReloadRequest) (ReloadResult, error) {
	return ask[ReloadResult](ctx, c, http.MethodPost, "/reload", "", r)
}

// WhatIf tells what another policy would have done. Its error is a *ConfigError
// where the configuration is wrong.
func (c *Client) WhatIf(ctx context.Context, r WhatIfRequest) (WhatIfResult, error) {
	return ask[WhatIfResult](ctx, c, http.MethodPost, "/whatif", "", r)
}

// Panic lifts all blocks and pauses blocking.
func (c *Client) Panic(ctx context.Context) (PauseResult, error) {
	return ask[PauseResult](ctx, c, http.MethodPost, "/panic", "", nil)
}

// Resume ends a pause.
func (c *Client) Resume(ctx context.Context) (PauseResult, error) {
	return ask[PauseResult](ctx, c, http.MethodPost, "/resume", "", nil)
}

func get[T any](ctx context.Context, c *Client, path, query string) (T, error) {
	return ask[T](ctx, c, http.MethodGet, path, query, nil)
}

// ask sends a request and decodes the answer.
func ask[T any](ctx context.Context, c *Client, method, path, query string, body any) (answer T, err error) {
	resp, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		var none T
		return none, c.broken(ctx, err)
	}
	return answer, nil
}

// broken explains an answer that cannot be read.
func (c *Client) broken(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("the agent at %s broke off its answer: it has ended, or this program read too slowly: %w", c.path, err)
	}
	return fmt.Errorf("reading the answer of the agent at %s (is it of another version than this program?): %w", c.path, err)
}

// send sends a request; an answer that is an error is one.
func (c *Client) send(ctx context.Context, method, path, query string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		text, err := toJSON(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	u := "http://slips-ips/" + apiVersion + path
	if query != "" {
		u += "?" + query
	}
	req, err := http.NewRequestWithContext(ctx, method, u, content)
	if err != nil {
		return nil, fmt.Errorf("asking the agent: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var kind *kindError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &kind):
			return nil, kind
		}
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err // its URL says nothing to anybody
		}
		return nil, fmt.Errorf("asking the agent at %s: %w", c.path, err)
	}
	if resp.Header.Get(apiHeader) == "" {
		_ = resp.Body.Close()
		return nil, &kindError{ErrNotRunning, fmt.Sprintf("what answers at %s is no slips-ips agent (--socket)", c.path)}
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, c.failed(resp)
	}
	return resp, nil
}

// failed reads the error that an answer is.
func (c *Client) failed(resp *http.Response) error {
	var f failure
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&f)
	if kind != "application/json" || err != nil || f.Text == "" {
		return fmt.Errorf("the agent at %s answered %s", c.path, resp.Status)
	}
	err = errorOf(f)
	if errors.Is(err, ErrVersion) || f.Code == codeNoCall {
		return &kindError{ErrVersion, fmt.Sprintf("this program speaks %s and the agent at %s %s: use the slips-ips of the same version (%s)",
			apiVersion, c.path, resp.Header.Get(apiHeader), f.Text)}
	}
	return err
}
