package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"slips-ips/internal/testenv"
)

// withDisk runs the test once more in a process with a mount namespace of its
// own, whose end removes what is mounted there. It tells whether it is that one,
// and gives it a small disk.
func withDisk(t *testing.T, bytes int) (dir string, inside bool) {
	if os.Getenv(diskEnv) == "" {
		testenv.Root(t)
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
		child.Env = append(os.Environ(), diskEnv+"=1")
		child.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		out, err := child.CombinedOutput()
		if err != nil {
			if errors.Is(err, syscall.EPERM) {
				testenv.Skip(t, "no mount namespace: "+err.Error())
			}
			t.Errorf("%v\n%s", err, out)
		}
		return "", false
	}
	dir = t.TempDir()
	// The namespace is a copy of which nothing reaches the original: Go makes its
	// root private (Unshareflags).
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir, true
}

func TestFullDisk(t *testing.T) {
	dir, inside := withDisk(t, 4<<20)
	if !inside {
		return
	}
	log := &logText{}
	const places = 2000
	s := testStore(t, Options{Path: filepath.Join(dir, "history.db"), Log: log.logger(), QueueLen: places})
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	var want []string
	record := func(n int) {
		for range n {
			e := testAlert(t, len(want), "10.0.0.5-203.0.113.7-443-tcp", "A")
			want = append(want, e.ID)
			s.Record(e)
		}
	}
	for round := range 2 {
		record(100)
		flush(t, s)
		block := make([]byte, 4096)
		for err == nil { // until nothing is left
			_, err = ballast.Write(block)
		}
		err = nil
		record(500) // the log may have room for some of it
		waitFor(t, s, func() bool { return !s.Status().Failing.IsZero() })
		before := s.Status()
		if before.Waiting == 0 || !strings.Contains(before.Error, "the disk is full") {
			t.Errorf("status %+v", before)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		if err := s.Flush(ctx); err == nil || !strings.Contains(err.Error(), "writing the history") {
			t.Errorf("flushing to a full disk: %v", err)
		}
		cancel()
		// What is on the disk can be read all the same.
		page, err := s.Events(context.Background(), Query{Limit: MaxPage})
		if d := cmp.Diff(len(want)-before.Waiting, len(page.Events)); err != nil || d != "" {
			t.Errorf("reading from a full disk: %v %s", err, d)
		}
		record(200)
		if n := strings.Count(log.String(), "cannot be written"); n != round+1 {
			t.Errorf("it was said %d times:\n%s", n, log)
		}
		if err := ballast.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := ballast.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		flush(t, s)
		waitFor(t, s, func() bool { return s.Status().Failing.IsZero() })
		if st := s.Status(); st.Error != "" || st.Lost != 0 || st.Waiting != 0 {
			t.Errorf("status %+v", st)
		}
		if n := strings.Count(log.String(), "written again"); n != round+1 {
			t.Errorf("it was said %d times:\n%s", n, log)
		}
		page, err = s.Events(context.Background(), Query{Limit: MaxPage})
		if err != nil || len(page.Events) != len(want) {
			t.Fatalf("%d events, want %d: %v", len(page.Events), len(want), err)
		}
		for i, e := range page.Events {
			if e.ID != want[len(want)-1-i] {
				t.Fatalf("event %d is another one", i)
			}
		}
	}
	if sound, err := s.db.Load().sound(context.Background()); err != nil || !sound {
		t.Errorf("sound %v: %v", sound, err)
	}
}

// More events than can wait are lost, and counted; alerts before others.
func TestFullDiskForLong(t *testing.T) {
	dir, inside := withDisk(t, 1<<20)
	if !inside {
		return
	}
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // the history cannot even be made
		_, err = ballast.Write(make([]byte, 4096))
	}
	log := &logText{}
	const places = 100
	s := testStore(t, Options{Path: filepath.Join(dir, "history.db"), Log: log.logger(), QueueLen: places})
	if st := s.Status(); st.Failing.IsZero() || !strings.Contains(st.Error, "the disk is full") {
		t.Fatalf("status %+v", st)
	}
	if _, err := s.Events(context.Background(), Query{}); err == nil || !strings.Contains(err.Error(), "not available") {
		t.Errorf("reading: %v", err)
	}
	for i := range 300 {
		e := testAlert(t, i, "10.0.0.5-203.0.113.7-443-tcp", "A")
		s.Record(e)
		s.Detected(testDetection(t, fmt.Sprintf("10.0.1.%d-203.0.113.7-443-tcp", i%150), "A"))
	}
	block := testBlock(t, 300, "10.0.0.5-203.0.113.7-443-tcp")
	s.Record(block)
	s.Record(lift(t, start.Add(400*time.Second), block, EndLifted))
	st := s.Status()
	if st.Waiting != places*3/4+2 || st.Lost != 300-places*3/4 || st.Uncounted != 100 {
		t.Errorf("status %+v", st)
	}
	if err := ballast.Truncate(0); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s, func() bool { return s.Status().Failing.IsZero() })
	flush(t, s)
	page, err := s.Events(context.Background(), Query{Limit: 2})
	if err != nil || len(page.Events) != 2 || page.Events[0].Kind != KindLift || page.Events[1].ID != block.ID {
		t.Errorf("the block and its end: %+v %v", page.Events, err)
	}
	agent, err := s.Events(context.Background(), Query{Kinds: []Kind{KindAgent}})
	if err != nil || len(agent.Events) != 1 || !strings.Contains(agent.Events[0].Text, "225 events are missing in the history: nothing could be written since") {
		t.Errorf("the history says of its hole: %+v %v", agent.Events, err)
	}
	found, err := s.Detections(context.Background(), DetectionQuery{Limit: MaxPage})
	var counted uint64
	for _, e := range found.Episodes {
		counted += e.Count
	}
	if err != nil || len(found.Episodes) != places || counted != 200 {
		t.Errorf("%d episodes with %d detections: %v", len(found.Episodes), counted, err)
	}
}

// Closing while nothing can be written ends, and says what is lost.
func TestCloseOnAFullDisk(t *testing.T) {
	dir, inside := withDisk(t, 1<<20)
	if !inside {
		return
	}
	s := testStore(t, Options{Path: filepath.Join(dir, "history.db")})
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 2<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	for i := range 1000 {
		s.Record(testAlert(t, i, "10.0.0.5-203.0.113.7-443-tcp", "A"))
	}
	waiting := func() int { return s.Status().Waiting }
	waitFor(t, s, func() bool { return !s.Status().Failing.IsZero() })
	n := waiting()
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d events could not be written", n)) {
		t.Errorf("%d events wait: %v", n, err)
	}
}

func TestDiskThatCanOnlyBeRead(t *testing.T) {
	dir, inside := withDisk(t, 4<<20)
	if !inside {
		return
	}
	path := filepath.Join(dir, "history.db")
	s := testStore(t, Options{Path: path})
	s.Record(Event{Kind: KindAgent, Text: "before"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	log := &logText{}
	s = testStore(t, Options{Path: path, Log: log.logger()})
	if st := s.Status(); !strings.Contains(st.Error, "mount it for writing") {
		t.Errorf("status %+v", st)
	}
	s.Record(Event{Kind: KindAgent, Text: "after"})
	remount(0)
	flush(t, s)
	page, err := s.Events(context.Background(), Query{})
	if err != nil || len(page.Events) != 2 {
		t.Errorf("%+v %v", page, err)
	}
}
