package systemd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recorder keeps what systemd is told, with the time since the start.
type recorder struct {
	mu    sync.Mutex
	start time.Time
	told  []string
	log   bytes.Buffer
}

func (r *recorder) notifier() *Notifier {
	r.start = time.Now()
	n := NewNotifier(slog.New(slog.NewTextHandler(r, nil)))
	n.send = func(state string) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told = append(r.told, fmt.Sprintf("%v %s", time.Since(r.start), state))
		return nil
	}
	return n
}

// Write takes the log.
func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

func (r *recorder) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := r.told
	r.told = nil
	return told
}

func withWatchdog(t *testing.T, usec string) {
	t.Setenv("WATCHDOG_USEC", usec)
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
}

// The watchdog gets something only after a ping has been through, and the log
// and the status line name the stage that is stuck, once.
func TestWatch(t *testing.T) {
	withWatchdog(t, "60000000")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var r recorder
		n := r.notifier()
		var stuck atomic.Bool
		answers := make(chan time.Duration, 1)
		go n.Watch(ctx, func(ctx context.Context) error {
			if stuck.Load() {
				<-ctx.Done()
				return fmt.Errorf("enforcement is stuck: %w", ctx.Err())
			}
			select {
			case d := <-answers:
				time.Sleep(d)
			default:
			}
			return nil
		})
		step := func(d time.Duration, want ...string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if d := cmp.Diff(want, r.take()); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		}
		step(time.Second, "0s WATCHDOG=1")
		step(20*time.Second, "20s WATCHDOG=1")
		answers <- 15 * time.Second // slow, but it moves
		step(40*time.Second, "55s WATCHDOG=1", "1m0s WATCHDOG=1")
		stuck.Store(true)
		step(40 * time.Second)
		if told := r.logged(); told != "" {
			t.Errorf("told too early: %s", told)
		}
		step(20*time.Second, "1m50s STATUS=STUCK: enforcement is stuck: context deadline exceeded")
		step(time.Minute)
		if got := strings.Count(r.logged(), "the pipeline is stuck"); got != 1 {
			t.Errorf("told %d times: %s", got, r.logged())
		}
		stuck.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		told := r.take()
		if len(told) < 2 || !strings.HasSuffix(told[0], "STATUS=") || !strings.HasSuffix(told[1], "WATCHDOG=1") {
			t.Errorf("afterwards: %v", told)
		}
		if !strings.Contains(r.logged(), "the pipeline moves again") {
			t.Error(r.logged())
		}
		cancel()
		synctest.Wait()
	})
}

// A progress that never returns is asked once, and told of.
func TestWatchWithoutAnswer(t *testing.T) {
	withWatchdog(t, "60000000")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var r recorder
		n := r.notifier()
		hang := make(chan struct{})
		var calls atomic.Int64
		go n.Watch(ctx, func(context.Context) error { calls.Add(1); <-hang; return nil })
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if d := cmp.Diff([]string{"33s STATUS=STUCK: " + errNoAnswer.Error()}, r.take()); d != "" || calls.Load() != 1 {
			t.Errorf("%d calls; -want +got\n%s", calls.Load(), d)
		}
		close(hang)
		time.Sleep(time.Minute)
		synctest.Wait()
		if told := strings.Join(r.take(), "\n"); !strings.Contains(told, "WATCHDOG=1") {
			t.Errorf("afterwards: %s", told)
		}
		cancel()
		synctest.Wait()
	})
}

// Without a watchdog nothing is sent but the status line; another process's
// watchdog is not ours.
func TestWithoutWatchdog(t *testing.T) {
	for _, env := range [][2]string{{"", ""}, {"1000000", "1"}, {"nonsense", ""}} {
		t.Setenv("WATCHDOG_USEC", env[0])
		t.Setenv("WATCHDOG_PID", env[1])
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var r recorder
			n := r.notifier()
			var stuck atomic.Bool
			go n.Watch(ctx, func(context.Context) error {
				if stuck.Load() {
					return errors.New("detection is stuck")
				}
				return nil
			})
			time.Sleep(3*WithoutWatchdog - time.Second)
			synctest.Wait()
			if told := r.take(); len(told) > 0 {
				t.Errorf("%v: %v", env, told)
			}
			stuck.Store(true)
			time.Sleep(WithoutWatchdog)
			synctest.Wait()
			if d := cmp.Diff([]string{"1m0s STATUS=STUCK: detection is stuck"}, r.take()); d != "" {
				t.Errorf("%v: -want +got\n%s", env, d)
			}
			cancel()
			synctest.Wait()
		})
	}
}
