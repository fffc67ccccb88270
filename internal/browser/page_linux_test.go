package browser

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// hostile is a comment that would be markup, if anything could be.
const hostile = `<img src=x onerror=alert(1)><script>alert(2)</script>'&`

// visitor is a browser in the hands of a test: what goes wrong ends it.
type visitor struct {
	*Browser
	t  *testing.T
	at string
}

func startBrowser(t *testing.T) *Browser {
	t.Helper()
	if _, err := Program(); err != nil {
		testenv.Skip(t, err.Error())
	}
	b, err := Start(t.Context(), 1280, 900)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func (v visitor) must(err error) {
	v.t.Helper()
	if err != nil {
		text, _ := v.Text("main")
		v.t.Fatalf("%v\nThe page says: %s", err, text)
	}
}

func (v visitor) open(path string) { v.t.Helper(); v.must(v.Open(v.at + path)) }
func (v visitor) press(selector string) {
	v.t.Helper()
	v.must(v.Press(selector))
}
func (v visitor) fill(selector, text string) { v.t.Helper(); v.must(v.Fill(selector, text)) }

// sees makes sure that the page says something.
func (v visitor) sees(wants ...string) {
	v.t.Helper()
	text, err := v.Text("body")
	v.must(err)
	text = strings.ReplaceAll(text, "\u00a0", " ")
	for _, want := range wants {
		if !strings.Contains(text, want) {
			v.t.Fatalf("the page does not say %q:\n%s", want, text)
		}
	}
}

// sure answers what a page asks.
func (v visitor) sure() { v.t.Helper(); v.press("#sure"); v.sees("Done") }

// All that the page can do is done by pressing its buttons, and looked for in the
// agent and in the kernel: with its script and without, through the control socket as
// root and on loopback with a token.
func TestPage(t *testing.T) {
	a := startAgent(t)
	b := startBrowser(t)
	for _, scripts := range []bool{true, false} {
		name := "with the script"
		if !scripts {
			name = "without"
		}
		t.Run(name, func(t *testing.T) {
			if err := b.Scripts(scripts); err != nil {
				t.Fatal(err)
			}
			everything(t, a, visitor{b, t, a.tunnel}, "root")
		})
	}
	if err := b.Scripts(true); err != nil {
		t.Fatal(err)
	}
	t.Run("on loopback", func(t *testing.T) {
		v := visitor{b, t, a.direct}
		v.open("/")
		v.sees("Log in")
		v.fill("#token", theToken+"x")
		v.press("main button")
		v.sees("This is no token of this agent.")
		v.fill("#token", theToken)
		v.press("main button")
		v.sees("Overview", "anna")
		if st, err := a.Status(t.Context()); err != nil || st.Web.Listen != "127.0.0.1:9561" || st.Web.Sessions != 1 || st.Web.Logins != 1 || st.Web.FailedLogins != 1 {
			t.Errorf("the status has %+v of the page, %v", st.Web, err)
		}
		everything(t, a, v, "anna")
		ends(t, a, v)
		v.press(`form[action="/ui/logout"] button`)
		v.open("/ui/blocks")
		v.sees("Log in")
	})
	t.Run("it goes on by itself", func(t *testing.T) { refreshes(t, a, visitor{b, t, a.tunnel}) })
	t.Run("the agent is killed", func(t *testing.T) { killed(t, a, visitor{b, t, a.tunnel}) })
	t.Run("barriers", func(t *testing.T) { barriers(t, visitor{b, t, a.tunnel}) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, visitor{b, t, a.tunnel}) })
	if problems := b.Problems(); len(problems) > 0 {
		t.Errorf("the browser complains: %q", problems)
	}
	for _, host := range b.Hosts() {
		if "http://"+host != a.tunnel && "http://"+host != a.direct {
			t.Errorf("a page asked %s", host)
		}
	}
}

const byHand = "10.20.0.11-203.0.113.80-8080-tcp"

// everything does each action as a person does, in the name of who.
func everything(t *testing.T, a *agent, v visitor, who string) {
	reach := func(port uint16, within time.Duration) bool {
		return a.net.ClientA.Reach("tcp", netip.AddrPortFrom(lab.Server4, port), within) == nil
	}
	by := func(kind history.Kind) {
		t.Helper()
		testenv.Until(t, "the history has who did it", func() bool {
			page, err := a.Events(t.Context(), history.Query{Kinds: []history.Kind{kind}, Limit: 1})
			return err == nil && len(page.Events) == 1 && page.Events[0].By != nil && page.Events[0].By.User == who
		})
	}

	// What is blocked, and why; its page; the block is lifted.
	if l, err := a.Blocks(t.Context(), control.BlockQuery{}); err != nil || len(l.Blocks) == 0 {
		if _, err := a.AddBlock(t.Context(), control.NewBlock{Tuple: beacon}); err != nil { // of an earlier round
			t.Fatal(err)
		}
	}
	v.open("/ui/")
	v.sees("Enforcing", beacon, "1 of 1 blocks are in the kernel", "All blocks (1)")
	v.press(`#l-blocks a[href^="/ui/tuple?"]`)
	v.sees("Blocked until", "Contacts over time", "Gaps between contacts", "Score over time", "Letters: one a flow")
	v.press(`form[action="/ui/do/unblock"] button`)
	v.sees("Lift the block of " + beacon + "?")
	if !a.element(t, "203.0.113.80", "9090") {
		t.Fatalf("to ask lifted it:\n%s", a.kernel(t))
	}
	v.sure()
	if a.element(t, "203.0.113.80", "9090") {
		t.Fatal("it is not lifted in the kernel")
	}
	by(history.KindLift)

	// A block by hand stops traffic, and its comment is text.
	if !reach(8080, 5*time.Second) {
		t.Fatal("nothing passes even before")
	}
	v.open("/ui/blocks")
	v.fill("#tuple", byHand)
	v.fill("#duration", "2h")
	v.fill("#comment", hostile)
	v.press(`form[action="/ui/do/block"] button`)
	v.sees("Block "+byHand+"?", "For 2h.")
	v.sure()
	if !a.element(t, "10.20.0.11", "203.0.113.80", "8080") || reach(8080, time.Second) {
		t.Fatalf("it is not blocked:\n%s", a.kernel(t))
	}
	by(history.KindBlock)
	v.open("/ui/blocks?state=blocked&match=10.20.0.11-*")
	v.sees("1 of 1 blocks", hostile, "by "+who)

	// What must not be blocked is not.
	v.fill("#tuple", "10.20.0.12-10.20.0.1-22-tcp")
	v.press(`form[action="/ui/do/block"] button`)
	v.press("#sure")
	v.sees("Refused", "never blocked")

	// Allowing ends the block; taking it off the list again.
	v.open("/ui/allows")
	v.fill("#network", "203.0.113.80")
	v.fill("#duration", "7d")
	v.fill("#comment", "our own")
	v.press(`form[action="/ui/do/allow"] button`)
	v.sees("Blocks that end by it now: 1.", byHand)
	v.sure()
	v.sees("1 blocks ended")
	if a.element(t, "8080") || !reach(8080, 5*time.Second) {
		t.Fatalf("it is still blocked:\n%s", a.kernel(t))
	}
	by(history.KindChange)
	v.open("/ui/allows")
	v.sees("203.0.113.80", "our own")
	v.press(`form[action="/ui/do/disallow"] button`)
	v.sure()
	if list, err := a.Allows(t.Context()); err != nil || slices.ContainsFunc(list, func(a control.Allow) bool { return a.Comment == "our own" }) {
		t.Errorf("%+v, %v", list, err)
	}

	// All of them at once.
	if _, err := a.AddBlock(t.Context(), control.NewBlock{Tuple: byHand, Duration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	v.open("/ui/blocks")
	v.press(`form[action="/ui/do/flush"] button`)
	v.sees("Lift all 1 blocks?")
	v.sure()
	if a.element(t, "8080") {
		t.Fatal("not lifted")
	}

	// Off, and on again.
	v.open("/ui/")
	v.press(`form[action="/ui/do/panic"] button`)
	v.sure()
	if strings.Contains(a.kernel(t), "table inet slips") {
		t.Fatal("the table is still there")
	}
	v.open("/ui/")
	v.sees("Paused: nothing is blocked")
	v.press(`form[action="/ui/do/resume"] button`)
	v.sure()
	testenv.Until(t, "the table is back", func() bool { return strings.Contains(a.kernel(t), "table inet slips") })

	// A changed configuration: what if, and then for good.
	v.open("/ui/policy")
	v.sees("matches = 2")
	v.fill("#config", "[policy]\naction = \"deny\"\n")
	v.press(`form[action="/ui/whatif"] button`)
	v.sees("line 2, policy.action", "use block, alert or ignore")
	v.fill("#config", "[policy]\naction = \"alert\"\nrule = []\n")
	v.press(`form[action="/ui/whatif"] button`)
	v.sees("What it would have done", "Tuples that they treat differently", beacon)
	edit(t, a.config, "matches = 2", "matches = 3")
	v.open("/ui/policy")
	v.press(`form[action="/ui/do/reload"] button`)
	v.sees("policy.matches: 2 -> 3")
	v.sure()
	v.open("/ui/policy")
	v.sees("matches = 3")
	edit(t, a.config, "matches = 3", "matches = 2")
	if _, err := a.Reload(t.Context(), control.ReloadRequest{}); err != nil {
		t.Fatal(err)
	}

	// Looking for something.
	v.open("/ui/alerts")
	v.fill("#source", "10.20.0.11")
	v.fill("#label", "*by-hand*")
	v.fill("#since", "1h")
	v.press(".filter button")
	v.sees(byHand)
	v.open("/ui/tuples")
	v.fill("#host", "203.0.113.80")
	v.press(".filter button")
	v.sees("2 of 7 tuples", beacon)
	// The source stands before the destination, whatever letters it has.
	v.open("/ui/tuples?match=" + leftward + "-*")
	if before, err := Evaluate[bool](v.Browser, `(() => {
		const text = document.querySelector("td a").firstChild, at = (n) => {
			const r = document.createRange();
			r.setStart(text, n); r.setEnd(text, n + 1);
			return r.getBoundingClientRect().left;
		};
		return at(0) < at(text.data.indexOf("203."));
	})()`); err != nil || !before {
		t.Errorf("the source stands behind the destination: %v", err)
	}
	v.open("/ui/models")
	v.sees("models, scored by behaviour", "From-Generic")
}

func edit(t *testing.T, path, old, now string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %s: %v", path, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, now)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// refreshes: what happens elsewhere comes to be seen without a hand, and what is being
// used is left alone.
func refreshes(t *testing.T, a *agent, v visitor) {
	v.open("/ui/blocks")
	v.fill("#comment", "half a sent")
	if _, err := a.AddBlock(t.Context(), control.NewBlock{Tuple: byHand, Duration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	testenv.Until(t, "the page shows the block", func() bool {
		text, err := v.Text("#l-blocks")
		v.must(err)
		return strings.Contains(text, byHand)
	})
	if kept, err := Evaluate[string](v.Browser, `document.getElementById("comment").value`); err != nil || kept != "half a sent" {
		t.Errorf("what was typed is %q, %v", kept, err)
	}
	// The part that is shown anew is where the reader had moved it to.
	v.must(v.Size(400, 900))
	defer func() { v.must(v.Size(1280, 900)) }()
	v.must(v.evaluateOnly(`document.getElementById("comment").blur();
		document.querySelector("#l-blocks .scroll").scrollLeft = 60; document.getElementById("l-blocks").dataset.old = "1"`))
	testenv.Until(t, "the table is another one", func() bool {
		again, err := Evaluate[bool](v.Browser, `!document.getElementById("l-blocks").dataset.old`)
		v.must(err)
		return again
	})
	if at, err := Evaluate[float64](v.Browser, `document.querySelector("#l-blocks .scroll").scrollLeft`); err != nil || at != 60 {
		t.Errorf("the table has moved to %v, %v", at, err)
	}
	if _, err := a.FlushBlocks(t.Context()); err != nil {
		t.Fatal(err)
	}
	// What another admin does changes what can be done.
	v.open("/ui/")
	if _, err := a.Panic(t.Context()); err != nil {
		t.Fatal(err)
	}
	testenv.Until(t, "the button is the other one", func() bool {
		text, err := v.Text("#l-emergency")
		v.must(err)
		return strings.Contains(text, "Block again")
	})
	if _, err := a.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// warned waits until the page says that it is old, wherever the reader is on it.
func (v visitor) warned(want string) {
	v.t.Helper()
	testenv.Until(v.t, "the page says: "+want, func() bool {
		seen, err := Evaluate[string](v.Browser, `(() => {
			scrollTo(0, document.body.scrollHeight);
			const e = document.getElementById("old"), box = e.getBoundingClientRect();
			return box.top >= 0 && box.bottom <= innerHeight ? e.textContent : "";
		})()`)
		v.must(err)
		return strings.Contains(seen, want)
	})
}

// killed: a page of an agent that is gone says so, and goes on with the next one, its
// forms too.
func killed(t *testing.T, a *agent, v visitor) {
	v.open("/ui/blocks")
	v.fill("#tuple", byHand)
	a.kill(t)
	v.warned("The agent does not answer.")
	a.start(t)
	testenv.Until(t, "the page is of now again", func() bool {
		old, err := Evaluate[string](v.Browser, `document.getElementById("old").textContent`)
		v.must(err)
		return old == ""
	})
	v.press(`form[action="/ui/do/block"] button`)
	v.sees("Block " + byHand + "?")
}

// ends: a page of a login that ended says so.
func ends(t *testing.T, a *agent, v visitor) {
	v.open("/ui/tuples")
	edit(t, a.tokens, "anna change "+theToken, "anna change "+theToken+"y")
	v.warned("You are not logged in any more")
	edit(t, a.tokens, theToken+"y", theToken)
	v.open("/ui/")
	v.fill("#token", theToken)
	v.press("main button")
	v.sees("Overview", "anna")
}

// allPages are those that can be opened, with one that is not there.
var allPages = []string{
	"/ui/", "/ui/blocks", "/ui/alerts?decision=everything", "/ui/tuples", "/ui/tuple?tuple=" + beacon, "/ui/allows", "/ui/models", "/ui/policy", "/ui/nonsense",
}

// barriers looks at all pages, in both schemes, in colours of the reader's own, and as
// narrow as a wide window at 400 %, with checks of our own and, where SLIPS_AXE names
// its file, with axe-core.
func barriers(t *testing.T, v visitor) {
	axe := ""
	if path := os.Getenv("SLIPS_AXE"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		axe = string(text)
	}
	defer func() { v.must(v.Scheme("light")); v.must(v.Size(1280, 900)) }()
	for _, path := range allPages {
		for _, colours := range []string{"prefers-color-scheme=light", "prefers-color-scheme=dark", "forced-colors=active"} {
			for _, width := range []int{1280, 320} {
				v.must(v.Media(colours))
				v.must(v.Size(width, 900))
				v.open(path)
				found, err := v.Barriers()
				v.must(err)
				if axe != "" {
					more, err := v.Axe(axe)
					v.must(err)
					found = append(found, more...)
				}
				for _, f := range found {
					t.Errorf("%s, %s, %d wide: %s", path, colours, width, f)
				}
			}
		}
	}
}

// keyboard: the first thing it comes to leads past the navigation, it comes to all that
// can be used and each is shown, and an action is done without a mouse.
func keyboard(t *testing.T, v visitor) {
	const skip = "a Skip to the content"
	for _, path := range allPages {
		v.open(path)
		all, err := Evaluate[int](v.Browser, `[...document.querySelectorAll("a[href],button,input:not([type=hidden]),select,textarea,[tabindex='0']")].length`)
		v.must(err)
		var names []string
		for len(names) < all {
			f, err := v.Tab()
			v.must(err)
			if !f.Shown {
				t.Errorf("%s: %q has the focus, and nothing shows it", path, f.Name)
			}
			if len(names) > 0 && f.Name == skip {
				break
			}
			names = append(names, f.Name)
		}
		if names[0] != skip || !slices.Contains(names, "a Policy") || len(names) != all {
			t.Errorf("%s: the keyboard goes to %q, and there are %d", path, names, all)
		}
	}
	v.open("/ui/allows")
	for f := (Focus{}); f.Name != "input network"; {
		var err error
		f, err = v.Tab()
		v.must(err)
	}
	v.must(v.Keys("192.0.2.0/24"))
	v.must(v.Enter())
	v.sees("Never block 192.0.2.0/24?")
	for f := (Focus{}); f.Name != "button Allow it"; {
		var err error
		f, err = v.Tab()
		v.must(err)
	}
	v.must(v.Enter())
	v.sees("192.0.2.0/24 is never blocked from now on")
}
