package argusfeed

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"slips-ips/internal/testenv"
)

// listenHere makes the test binary listen on loopback, as whoever it was started.
const listenHere = "ARGUSFEED_TEST_LISTEN"

func listenForTest() {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	var kept []net.Conn
	for {
		c, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		kept = append(kept, c) // open, until the process is killed
		fmt.Fprintln(os.Stderr, len(kept))
	}
}

func TestCheckOwner(t *testing.T) {
	testenv.Root(t)
	for _, test := range []struct {
		name, user string
		as         *syscall.Credential
		want       string // in the error; empty: none
	}{
		{"the user's own", "nobody", nobody(), ""},
		{"another user's", "daemon", nobody(), "a program of another user (65534) answers, not of daemon"},
		{"root's", "nobody", &syscall.Credential{}, "not one of nobody"},
		{"no such user", "slips-nobody", nobody(), `finding the user "slips-nobody"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			self, err := os.Open("/proc/self/exe") // the folder may not be nobody's to enter
			if err != nil {
				t.Fatal(err)
			}
			defer self.Close()
			cmd := exec.Command("/proc/self/fd/3")
			cmd.ExtraFiles = []*os.File{self}
			cmd.Env = []string{listenHere + "=1"}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: test.as, Pdeathsig: syscall.SIGKILL}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			address, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial("tcp4", strings.TrimSpace(address))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			err = checkOwner(t.Context(), conn, test.user)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
