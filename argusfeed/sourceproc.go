package argusfeed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// program is one of Argus's programs that a source runs.
type program struct {
	name string // argus or ra
	path string
	args []string
	conf string // read by the program from its file descriptor 3
	// capture leaves it the right to capture packets, when all others go.
	capture bool
}

// findProgram looks where an admin's PATH does, and where daemons are.
func findProgram(name string) (string, error) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("the program %s is not installed: apt install argus-server argus-client", name)
}

// process is a running program. It is killed when the agent dies, however that
// happens (see confine), and has a process group of its own, so that Ctrl-C
// reaches only the agent, which then stops it in order.
type process struct {
	name   string
	cmd    *exec.Cmd
	stderr *lastWords
	done   chan struct{}
	err    error // of Wait, once done is closed
}

// start runs p. It has to be waited for.
func start(p program, stdin, stdout *os.File, log *slog.Logger) (*process, error) {
	conf, err := confFile(p.conf)
	if err != nil {
		return nil, err
	}
	defer conf.Close()
	pr := &process{name: p.name, stderr: &lastWords{log: log, name: p.name}, done: make(chan struct{})}
	pr.cmd = p.command(stdin, stdout, pr.stderr, conf)
	demoted := confine(pr.cmd, p.capture, true)
	err = pr.run()
	if demoted && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL)) {
		log.Warn("a program keeps the user of the agent: this user namespace has no other", "program", p.name)
		pr.cmd = p.command(stdin, stdout, pr.stderr, conf)
		confine(pr.cmd, p.capture, false)
		err = pr.run()
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.path, err)
	}
	return pr, nil
}

func (p program) command(stdin, stdout *os.File, stderr io.Writer, conf *os.File) *exec.Cmd {
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if stdin != nil {
		cmd.Stdin = stdin
	}
	cmd.ExtraFiles = []*os.File{conf}
	// No ~/.rarc, no settings of the admin's shell.
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", "TZ=UTC", "LC_ALL=C"}
	cmd.WaitDelay = time.Second
	return cmd
}

// run starts the command and waits for its end in a goroutine. The kernel kills
// the child when the thread ends that has started it, so this thread lives as
// long as the child.
func (p *process) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	return <-started
}

// confFile gives the reading end of a pipe that holds conf, so that no file is
// ever left behind. The program may run as somebody else.
func confFile(conf string) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("handing over a configuration: %w", err)
	}
	defer w.Close()
	_ = r.Chmod(0o444) // where that fails the program says that it cannot open it
	// All of it fits into the pipe: nobody reads yet.
	if err = w.SetWriteDeadline(time.Now().Add(time.Second)); err == nil {
		_, err = w.WriteString(conf)
	}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("handing over a configuration of %d bytes: %w", len(conf), err)
	}
	return r, nil
}

// signal sends to the whole process group, unless the process has ended.
func (p *process) signal(sig syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
	}
}

// exit says how the process ended, in the words of its own last message.
func (p *process) exit() string {
	how := "ended"
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		how = exit.Error()
	}
	if last := p.stderr.last(); last != "" {
		return fmt.Sprintf("%s: %s (%s)", p.name, last, how)
	}
	return fmt.Sprintf("%s: %s", p.name, how)
}

// chain is one or more processes, each reading what the one before writes.
type chain struct {
	processes []*process
	out       *os.File
}

// startChain starts programs; out gives what the last one writes.
func startChain(programs []program, log *slog.Logger) (*chain, error) {
	c := &chain{}
	for _, p := range programs {
		r, w, err := os.Pipe()
		if err != nil {
			c.kill()
			return nil, fmt.Errorf("starting %s: %w", p.name, err)
		}
		proc, err := start(p, c.out, w, log)
		w.Close()
		if c.out != nil {
			c.out.Close()
		}
		c.out = r
		if err != nil {
			c.kill()
			return nil, err
		}
		c.processes = append(c.processes, proc)
	}
	return c, nil
}

// terminate asks the first process to end. Argus then reports all the flows it
// holds, and the end of its output ends the next one.
func (c *chain) terminate() { c.processes[0].signal(syscall.SIGTERM) }

// kill ends all processes, waits for them, and says how each ended.
func (c *chain) kill() string {
	var ends []string
	for _, p := range c.processes {
		// What ends by itself is given the time to say why.
		select {
		case <-p.done:
		case <-time.After(endWait):
			p.signal(syscall.SIGKILL)
			<-p.done
		}
		ends = append(ends, p.exit())
	}
	if c.out != nil {
		c.out.Close()
	}
	return strings.Join(ends, "; ")
}

// endWait is how long a process may take to end when its part is over.
const endWait = 200 * time.Millisecond

// stopGrace is how long Argus may take to report what it holds when it is told
// to stop.
const stopGrace = 5 * time.Second

// terminateOn terminates the chain when ctx ends; the context it returns ends
// when the chain's output should not be waited for any longer. done releases it.
func (c *chain) terminateOn(ctx context.Context) (reading context.Context, done func()) {
	reading, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-ctx.Done():
		case <-reading.Done():
			return
		}
		c.terminate()
		t := time.NewTimer(stopGrace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-reading.Done():
		}
	}()
	return reading, cancel
}

// lastWords keeps the last message of a program, and logs all of them.
type lastWords struct {
	log  *slog.Logger
	name string

	mu   sync.Mutex
	part []byte
	line string
}

// maxMessage bounds a message.
const maxMessage = 512

// raStamp is what Argus's programs put before a message.
var raStamp = regexp.MustCompile(`^\s*(?:ra\[\d+\]: [\d/]+ [\d:.]+ |Argus(?:Warning|Error): \d+ \w+ \d+ [\d:.]+ )`)

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line := rest
		i := bytes.IndexByte(rest, '\n')
		if i >= 0 {
			line = rest[:i]
		}
		if room := maxMessage - len(w.part); room > 0 {
			w.part = append(w.part, line[:min(room, len(line))]...)
		}
		if i < 0 {
			break
		}
		w.message(string(w.part))
		w.part, rest = w.part[:0], rest[i+1:]
	}
	return len(p), nil
}

// message takes a whole line. What Argus calls alerts are no reason to end.
func (w *lastWords) message(s string) {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "?"))
	if s == "" {
		return
	}
	w.log.Debug("message of a program", "program", w.name, "message", s)
	if !strings.HasPrefix(s, "ArgusAlert:") && !strings.HasPrefix(s, "ArgusInfo:") {
		w.line = strings.TrimSpace(raStamp.ReplaceAllString(s, ""))
	}
}

func (w *lastWords) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.part) > 0 {
		w.message(string(w.part))
		w.part = w.part[:0]
	}
	return w.line
}
