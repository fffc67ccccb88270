package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// programs are what Debian calls it, the smaller package first.
var programs = []string{"chromium-headless-shell", "chromium"}

// Program gives the path of a Chromium.
func Program() (string, error) {
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no %s; install the package chromium-headless-shell", strings.Join(programs, " and no "))
}

// Browser is one window of a headless Chromium. Its methods are for one goroutine.
type Browser struct {
	ctx  context.Context
	ends []func()

	mu       sync.Mutex
	problems []string
	visited  map[string]bool
}

// patience is how long one step may take: all is local, and the machine may be busy.
const patience = 30 * time.Second

// Start starts a Chromium of its own, with a profile that is removed at the end. It
// looks nothing up elsewhere by itself.
func Start(ctx context.Context, width, height int) (*Browser, error) {
	path, err := Program()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slips-ips-browser-")
	if err != nil {
		return nil, err
	}
	b := &Browser{visited: map[string]bool{}}
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.WindowSize(width, height),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("hide-scrollbars", true), chromedp.WSURLReadTimeout(patience))
	allocated, endAllocated := chromedp.NewExecAllocator(ctx, options...)
	window, endWindow := chromedp.NewContext(allocated)
	b.ctx, b.ends = window, []func(){endWindow, endAllocated, func() { os.RemoveAll(dir) }}
	if err := b.prepare(width, height); err != nil {
		b.Close()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return b, nil
}

// prepare starts the program, which must outlive a step.
func (b *Browser) prepare(width, height int) error {
	err := chromedp.Listen(b.ctx, b.hear)
	if err == nil {
		_, err = chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
	}
	if err == nil {
		_, err = chromedp.Call(b.ctx, audits.Enable, cdp.Empty{})
	}
	if err == nil {
		_, err = chromedp.Call(b.ctx, runtime.Enable, cdp.Empty{})
	}
	if err == nil {
		err = b.Size(width, height)
	}
	return err
}

// Close ends the program.
func (b *Browser) Close() {
	for _, end := range b.ends {
		end()
	}
}

// hear notes what the browser complains of, and where it goes.
func (b *Browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			b.problems = append(b.problems, fmt.Sprintf("content security policy: %s: %s", d.ViolatedDirective, d.BlockedURL))
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "script: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "assert" {
			b.problems = append(b.problems, fmt.Sprintf("console: %v", e.Args))
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && u.Host != "" {
			b.visited[u.Host] = true
		}
	}
}

// Problems gives the violations of the content security policy and the mistakes of
// scripts so far.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.problems...)
}

// Hosts gives whom the pages had the browser ask, with their ports.
func (b *Browser) Hosts() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for h := range b.visited {
		all = append(all, h)
	}
	return all
}

// do runs steps in good time.
func (b *Browser) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// ask runs a step that gives something, in good time.
func ask[T any](b *Browser, step chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, step)
}

// Open visits a page and waits until it is there.
func (b *Browser) Open(address string) error {
	if err := b.do(chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS("main"))); err != nil {
		return fmt.Errorf("opening %s: %w", address, err)
	}
	return nil
}

// Press clicks what a selector finds and waits for the page that comes then.
func (b *Browser) Press(selector string) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		return fmt.Errorf("pressing %s: %w", selector, err)
	}
	return b.do(chromedp.WaitReady(chromedp.CSS("main")))
}

// Fill types into a field.
func (b *Browser) Fill(selector, text string) error {
	if err := b.do(chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text)); err != nil {
		return fmt.Errorf("filling %s: %w", selector, err)
	}
	return nil
}

// Text gives what is to be read at a selector. It does so in one step: what it looks at
// may be another one in the next moment.
func (b *Browser) Text(selector string) (string, error) {
	text, err := Evaluate[string](b, fmt.Sprintf("document.querySelector(%q).innerText", selector))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", selector, err)
	}
	return text, nil
}

// Evaluate runs a script in the page, whatever its policy says.
func Evaluate[T any](b *Browser, script string) (T, error) {
	result, err := ask(b, chromedp.Evaluate[T](script))
	if err != nil {
		return result, fmt.Errorf("running a script in the page: %w", err)
	}
	return result, nil
}

// Keys types keys where the focus is.
func (b *Browser) Keys(keys string) error { return b.do(chromedp.KeyEvent(keys)) }

// Media sets what the reader likes, as name=value of media features: each call forgets
// those before it.
func (b *Browser) Media(wishes ...string) error {
	var features []*emulation.MediaFeature
	for _, w := range wishes {
		name, value, _ := strings.Cut(w, "=")
		features = append(features, &emulation.MediaFeature{Name: name, Value: value})
	}
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	return err
}

// Scheme sets the colours that the reader likes: light or dark.
func (b *Browser) Scheme(name string) error { return b.Media("prefers-color-scheme=" + name) }

// Scripts turns the page's own scripts on or off.
func (b *Browser) Scripts(on bool) error {
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	return err
}

// Size sets the size of the window.
func (b *Browser) Size(width, height int) error {
	return b.do(chromedp.EmulateViewport(int64(width), int64(height)))
}

// Shoot takes a picture of what is to be seen, or of all the page.
func (b *Browser) Shoot(path string, all bool) error {
	step := chromedp.CaptureScreenshot()
	if all {
		step = chromedp.FullScreenshot(100)
	}
	picture, err := ask(b, step)
	if err != nil {
		return fmt.Errorf("taking a picture: %w", err)
	}
	return os.WriteFile(path, picture, 0o644)
}

// EvaluateLater is Evaluate for a script whose result is a promise.
func EvaluateLater[T any](b *Browser, script string) (T, error) {
	result, err := ask(b, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		return result, fmt.Errorf("running a script in the page: %w", err)
	}
	return result, nil
}

// evaluateOnly runs a script whose result does not matter.
func (b *Browser) evaluateOnly(script string) error {
	_, err := Evaluate[bool](b, script+"\n;true")
	return err
}

// Enter presses the key and waits for the page that comes then.
func (b *Browser) Enter() error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.KeyEvent("\r")); err != nil {
		return fmt.Errorf("pressing Enter: %w", err)
	}
	return b.do(chromedp.WaitReady(chromedp.CSS("main")))
}
