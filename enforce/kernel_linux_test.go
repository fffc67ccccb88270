package enforce

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

func TestRetry(t *testing.T) {
	odd := errors.New("an answer that makes no sense")
	for _, test := range []struct {
		name           string
		errs           []error // of the attempts in turn; the last one for all later ones
		calls, renewed int
		want           error
	}{
		{"fine", []error{nil}, 1, 0, nil},
		{"busy", []error{unix.EBUSY, unix.EINTR, nil}, 3, 0, nil},
		{"overrun", []error{unix.ENOBUFS, nil}, 2, 1, nil},
		{"no answer", []error{os.ErrDeadlineExceeded, nil}, 2, 1, nil},
		{"odd", []error{odd, nil}, 2, 1, nil},
		{"odd again", []error{odd}, 2, 2, odd},
		{"refused", []error{unix.EINVAL, nil}, 1, 0, unix.EINVAL},
		{"forbidden", []error{unix.EPERM, nil}, 1, 0, unix.EPERM},
		{"always busy", []error{unix.EBUSY}, len(pauses) + 1, 0, unix.EBUSY},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, renewed := 0, 0
				err := retry(func() error {
					calls++
					return test.errs[min(calls, len(test.errs))-1]
				}, func() error {
					renewed++
					return nil
				})
				if !errors.Is(err, test.want) || calls != test.calls || renewed != test.renewed {
					t.Errorf("%v after %d calls and %d renewals; expected %v, %d, %d",
						err, calls, renewed, test.want, test.calls, test.renewed)
				}
			})
		})
	}
	gone := errors.New("no new connection")
	if err := retry(func() error { return odd }, func() error { return gone }); !errors.Is(err, odd) || !errors.Is(err, gone) {
		t.Errorf("without a new connection: %v", err)
	}
}

// A connection that breaks is replaced.
func TestReconnect(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	for i, l := range []*link{e.kernel.reader, e.kernel.writer} {
		l.nl.Close()
		apply(t, e, many(10*(i+1), time.Hour)...)
	}
	enforced(t, e, 20)
}

// noRoom leaves next to no room for the kernel's answers: ENOBUFS.
func noRoom(e *Enforcer) {
	e.op.Lock()
	defer e.op.Unlock()
	if r := e.kernel.reader; r != nil {
		_ = r.nl.SetReadBuffer(1)
	}
}

// Where answers find no room they are asked for again on a new connection, and
// what is in force is never told to be missing, nor the other way round.
func TestNoRoomForAnswers(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	apply(t, e, many(500, time.Hour)...)
	for range 3 {
		noRoom(e)
		narrow := e.kernel.reader
		nft(t, ns, "delete element inet slips blocked4 { 10.0.0.0 . 198.51.100.7 . tcp . 443 }; add table inet other", "-f", "-")
		e.doubt.again = true // everything is looked for, in questions of many answers
		for range 3 {
			if _, err := e.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if e.kernel.reader == narrow {
			t.Error("all answers found room")
		}
		enforced(t, e, 500)
	}
}

// A transaction is bound to the ruleset that was compared: if somebody changes
// anything in between, it does not happen.
func TestBound(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	blocks := many(1, time.Hour)
	k, err := keyOf(blocks[0].Tuple)
	if err != nil {
		t.Fatal(err)
	}
	elems := []element{{key: k, timeout: time.Hour, comment: "id=a label=b"}}
	e.op.Lock()
	defer e.op.Unlock()
	if err := e.ensure(); err != nil {
		t.Fatal(err)
	}
	nft(t, ns, "flush chain inet slips forward", "-f", "-")
	if err := e.kernel.add(elems); !errors.Is(err, errChanged) || !errors.Is(err, unix.ERESTART) {
		t.Errorf("into a table without rules: %v", err)
	}
	if left, err := e.kernel.find([]key{k}); err != nil || left[0] != 0 {
		t.Errorf("the element is there: %v, %v", left, err)
	}
}

// Only what the kernel has, for as long as wanted, counts as confirmed.
func TestConfirm(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	blocks := many(300, time.Hour) // more than one question
	elems := make([]element, len(blocks))
	for i, b := range blocks {
		k, err := keyOf(b.Tuple)
		if err != nil {
			t.Fatal(err)
		}
		elems[i] = element{key: k, timeout: time.Hour, comment: "id=a label=b"}
	}
	e.op.Lock()
	defer e.op.Unlock()
	short := elems[7]
	short.timeout = time.Minute
	present := append(append(append([]element(nil), elems[:7]...), short), elems[8:290]...)
	if err := e.kernel.add(present); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, len(elems))
	e.confirm(elems, errs, time.Now())
	for i, err := range errs {
		if want := i != 7 && i < 290; (err == nil) != want {
			t.Errorf("element %d: %v", i, err)
		} else if !want && !errors.Is(err, ErrUnconfirmed) {
			t.Errorf("element %d: %v is not ErrUnconfirmed", i, err)
		}
	}
}

// The library panics on high file descriptors: New must see it first.
func TestManyOpenFiles(t *testing.T) {
	ns := newNS(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < maxDescriptor+100 {
		testenv.Skip(t, fmt.Sprintf("no more than %d files may be open (%v)", limit.Cur, err))
	}
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Fd() > maxDescriptor {
			break
		}
	}
	if _, err := tryOpen(ns); err == nil || !strings.Contains(err.Error(), "too many open files") {
		t.Errorf("New says %v", err)
	}
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := New(DefaultConfig(), Options{DryRun: true, Protected: func() *policy.Protected { return noneProtected }})
		if err != nil {
			t.Fatal(err)
		}
		apply(t, e, many(2, 2500*time.Millisecond)...)
		start := time.Now()
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		var reports []Report
		err = e.Watch(ctx, time.Second, func(r Report, err error) {
			if took := time.Since(start); err != nil || took != 3*time.Second {
				t.Errorf("after %v: %+v, %v", took, r, err)
			}
			reports = append(reports, r)
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if len(reports) != 1 || len(reports[0].Expired) != 2 {
			t.Errorf("%+v", reports)
		}
		e.Close()
		if err := e.Watch(t.Context(), time.Second, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}
