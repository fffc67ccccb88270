package argusfeed

import (
	"bytes"
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

// program is what a source runs: argus.
type program struct {
	name string
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
	return "", fmt.Errorf("the program %s is not installed: apt install argus-server", name)
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
func start(p program, log *slog.Logger) (*process, error) {
	conf, err := confFile(p.conf)
	if err != nil {
		return nil, err
	}
	defer conf.Close()
	pr := &process{name: p.name, stderr: &lastWords{log: log, name: p.name}, done: make(chan struct{})}
	pr.cmd = p.command(pr.stderr, conf)
	demoted := confine(pr.cmd, p.capture, true)
	err = pr.run()
	if demoted && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL)) {
		log.Warn("a program keeps the user of the agent: this user namespace has no other", "program", p.name)
		pr.cmd = p.command(pr.stderr, conf)
		confine(pr.cmd, p.capture, false)
		err = pr.run()
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.path, err)
	}
	return pr, nil
}

// argusEnv has no settings of the admin's shell.
var argusEnv = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", "TZ=UTC", "LC_ALL=C"}

func (p program) command(stderr io.Writer, conf *os.File) *exec.Cmd {
	cmd := exec.Command(p.path, p.args...)
	cmd.Stderr = stderr
	cmd.ExtraFiles = []*os.File{conf}
	cmd.Env = argusEnv
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

// end ends the process, unless it does so by itself soon, and waits for it. It says how it ended, or "" where it was killed.
func (p *process) end() string {
	t := time.NewTimer(endWait)
	defer t.Stop()
	select {
	case <-p.done:
		return p.exit()
	case <-t.C:
		p.signal(syscall.SIGKILL)
		<-p.done
		return ""
	}
}

// endWait is how long what ends by itself is given to do so and say why.
const endWait = 200 * time.Millisecond

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

// argusStamp is what Argus puts before a message.
var argusStamp = regexp.MustCompile(`^\s*Argus(?:Warning|Error): \d+ \w+ \d+ [\d:.]+ `)

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
		w.line = strings.TrimSpace(argusStamp.ReplaceAllString(s, ""))
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
