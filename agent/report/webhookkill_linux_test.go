package report

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/internal/testenv"
)

// insideAgent tells the test binary that it is an agent to be killed; it holds
// the state folder and the URL.
const insideAgent, insideURL = "SLIPS_TEST_STATE", "SLIPS_TEST_URL"

// An agent that is killed while its server hangs loses nothing of what is in the
// spool: the next one sends it.
func TestWebhookAfterKill(t *testing.T) {
	if state := os.Getenv(insideAgent); state != "" {
		opt := testOptions(t)
		opt.State = state
		r := toWebhook(t, WebhookConfig{Name: "a", URL: os.Getenv(insideURL), Timeout: time.Minute}, opt)
		for i := range 50 {
			r.Event(lift(t, fmt.Sprint("lift ", i)))
		}
		testenv.Until(t, "in the spool", func() bool { return len(spoolFiles(t, opt, "a")) == 50 })
		fmt.Println("ready")
		select {}
	}
	opt := testOptions(t)
	hanging := newHooked(t, hang)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestWebhookAfterKill$")
	cmd.Env = append(os.Environ(), insideAgent+"="+opt.State, insideURL+"="+hanging.URL)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(out)
	for {
		line, err := said.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "ready\n" {
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed

	h := newHooked(t)
	r := toWebhook(t, WebhookConfig{Name: "a", URL: h.URL, Batch: 20}, opt)
	testenv.Until(t, "sent", func() bool { return only(t, r).Sent == 50 })
	if d := cmp.Diff(numbered(50), h.texts()); d != "" {
		t.Error(d)
	}
	mustClose(t, r)
}
