package argusfeed

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"slips-ips/internal/testenv"
)

// agentURL makes the test binary behave as an agent that has this source only,
// and sends itself traffic. It runs in a network namespace of its own.
const agentURL = "ARGUSFEED_TEST_AGENT"

func TestMain(m *testing.M) {
	if path := os.Getenv(serviceConfPath); path != "" {
		becomeTestArgus(path)
	}
	if os.Getenv(listenHere) != "" {
		listenForTest()
	}
	if url := os.Getenv(agentURL); url != "" {
		if err := testAgent(url); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("stopped")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// testAgent prints a line for each flow, until SIGTERM.
func testAgent(url string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	fmt.Println("ready")
	s, err := ParseSource(url, Options{Joining: Joining{Off: true}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		for port := 20000; ctx.Err() == nil; port++ {
			if c, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
				_, _ = c.Write([]byte("x"))
				c.Close()
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	out := make(chan []Flow)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, out); close(out) }()
	for b := range out {
		for _, f := range b {
			if strings.HasPrefix(url, "spawn:") && f.Proto.String() == "tcp" {
				fmt.Println("error: our own stream is in the feed:", f.Tuple)
			}
			fmt.Printf("flow %s seq=%t restarts=%d\n", f.Tuple, f.Seq > 0, s.Stats().Restarts)
		}
	}
	return <-ended
}

// startAgent starts testAgent and gives its output by lines.
func startAgent(t *testing.T, url string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	testenv.Root(t)
	testenv.Program(t, "argus")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), agentURL+"="+url)
	// Not to be killed with its parent: that is the thread that starts it, and some
	// threads end with a namespace of another test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(out)
}

// inNamespace lists the processes in the network namespace of another, with
// their names.
func inNamespace(t *testing.T, ns string) map[int]string {
	t.Helper()
	found := map[int]string{}
	links, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != ns {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		comm, err2 := os.ReadFile(filepath.Join(dir, "comm"))
		if err == nil && err2 == nil {
			found[pid] = strings.TrimSpace(string(comm))
		}
	}
	return found
}

func nextLine(t *testing.T, lines *bufio.Scanner, with string) string {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), with) {
			return lines.Text()
		}
		if strings.HasPrefix(lines.Text(), "error") {
			break
		}
	}
	t.Fatalf("no line with %q; the last was %q", with, lines.Text())
	return ""
}

// A real argus on a real interface: flows come, argus runs without
// rights, what ends is started again, and nothing is left behind.
func TestSpawnedArgus(t *testing.T) {
	t.Parallel()
	cmd, lines := startAgent(t, "spawn:lo")
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if line := nextLine(t, lines, "flow 127.0.0.1-127.0.0.1-20"); !strings.Contains(line, "-udp seq=true restarts=0") {
		t.Errorf("%q", line)
	}
	argus := 0
	for pid, name := range inNamespace(t, ns) {
		if name == "argus" {
			argus = pid
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", argus))
	if err != nil {
		t.Fatalf("argus does not run: %v", err)
	}
	if !strings.Contains(string(status), "CapEff:\t0000000000002000") || strings.Contains(string(status), "Uid:\t0\t") {
		t.Errorf("argus runs with more than it needs:\n%s", status)
	}
	out, err := exec.Command("nsenter", "-t", strconv.Itoa(cmd.Process.Pid), "-n", "ss", "-Hltn").Output()
	if n := strings.Count(string(out), "\n"); err == nil && (n != 1 || !strings.Contains(string(out), " 127.0.0.1:")) {
		t.Errorf("what listens is not one port of loopback: %s", out)
	}
	if err := syscall.Kill(argus, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	nextLine(t, lines, "restarts=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	nextLine(t, lines, "stopped")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if left := inNamespace(t, ns); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Even an agent that is killed leaves nothing behind.
func TestSpawnedArgusDiesWithTheAgent(t *testing.T) {
	t.Parallel()
	cmd, lines := startAgent(t, "spawn:lo")
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	nextLine(t, lines, "flow")
	if n := len(inNamespace(t, ns)); n != 2 {
		t.Errorf("%d processes, want agent and argus", n)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	testenv.Until(t, "nothing is left behind", func() bool { return len(inNamespace(t, ns)) == 0 })
}

func TestSpawnNeedsAnInterface(t *testing.T) {
	for url, want := range map[string]string{
		"spawn:none0": "interface none0: no such network interface",
		"spawn:":      "there is no default route to take the interface from; name one, as in spawn:eth0",
	} {
		cmd, lines := startAgent(t, url)
		if line := nextLine(t, lines, "starting the source"); !strings.Contains(line, want) {
			t.Errorf("%s: %q, want %q", url, line, want)
		}
		if err := cmd.Wait(); err == nil {
			t.Errorf("%s: no failure", url)
		}
	}
}

// An Argus elsewhere is waited for, and found again when it comes back.
func TestArgusSourceReconnects(t *testing.T) {
	t.Parallel()
	cmd, lines := startAgent(t, "argus://127.0.0.1:9902")
	argus := func() *exec.Cmd {
		a := exec.Command("nsenter", "-t", strconv.Itoa(cmd.Process.Pid), "-n",
			testenv.Program(t, "argus"), "-X", "-F", "/dev/stdin", "-i", "lo", "-P", "9902", "-B", "127.0.0.1", "-S", "1")
		a.Stdin = strings.NewReader("ARGUS_SET_PID=no\nARGUS_MAR_STATUS_INTERVAL=2\n")
		a.Stderr = io.Discard
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = a.Process.Kill()
			_ = a.Wait()
		})
		return a
	}
	nextLine(t, lines, "ready")
	restarts := func() string {
		line := nextLine(t, lines, "flow 127.0.0.1-127.0.0.1-20")
		return line[strings.LastIndexByte(line, ' '):]
	}
	first := argus()
	before := restarts()
	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	argus()
	for restarts() == before { // what the first one still had
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	nextLine(t, lines, "stopped")
}

func TestDefaultRoute(t *testing.T) {
	const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	for name, tt := range map[string]struct{ table, want string }{
		"none": {head, ""},
		"one":  {head + "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\neth1\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", "eth0"},
		"metric": {head + "wlan0\t00000000\t0100000A\t0003\t0\t0\t600\t00000000\t0\t0\t0\n" +
			"eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n", "eth0"},
		"half the internet": {head + "tun0\t00000000\t0100000A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n", ""},
		"unreachable":       {head + "*\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n", ""},
		"junk":              {"\n\x00\n" + strings.Repeat("x ", 20), ""},
	} {
		if got := defaultRoute4(strings.NewReader(tt.table)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	const zero = "00000000000000000000000000000000"
	table := "fe800000000000000000000000000000 40 " + zero + " 00 " + zero + " 00000100 00000001 00000000 00000001 eth1\n" +
		zero + " 00 " + zero + " 00 " + zero + " ffffffff 00000001 00000000 00200200 lo\n" +
		zero + " 00 " + zero + " 00 fe800000000000000000000000000001 00000400 00000005 00000000 00450003 eth0\n"
	if got := defaultRoute6(strings.NewReader(table)); got != "eth0" {
		t.Errorf("IPv6: %q, want eth0", got)
	}
}
