package argusfeed

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"slips-ips/internal/testenv"
)

// logBuffer keeps a log that a source writes while a test reads it.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func textLog(l *logBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logBuffer) count(s string) int { return strings.Count(l.String(), s) }

// peer plays Argus on one connection.
type peer func(t *testing.T, c net.Conn)

// fakeSource is a source whose connections the peers answer, one after the
// other; the last one goes on. A nil peer refuses the connection.
func fakeSource(t *testing.T, log *logBuffer, peers ...peer) *liveSource {
	n := 0
	opt := Options{Log: textLog(log), Joining: Joining{Off: true}} // so that what is sent comes at once
	return dialSource("argus://test", "test:561", opt, func(context.Context, string, string) (net.Conn, error) {
		p := peers[min(n, len(peers)-1)]
		n++
		if p == nil {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			p(t, theirs)
		}()
		return ours, nil
	})
}

// hello is the first record of an Argus that was started at start, reports
// itself every 10 seconds and has given out next-1 numbers.
func hello(t *testing.T, start, next uint32) []byte {
	return firstRecord(t, func(b []byte) {
		binary.BigEndian.PutUint32(b[24:], start)
		binary.BigEndian.PutUint32(b[20:], next)
		b[42] = 1
		binary.BigEndian.PutUint16(b[46:], 10)
	})
}

// beatRecord is a later management record.
func beatRecord(t *testing.T, next, dropped uint32) []byte {
	b := hello(t, 1, next)
	b[1] = byte(CauseStatus) << 4
	clear(b[8:12])
	binary.BigEndian.PutUint32(b[80:], dropped)
	return b
}

// greeted sends the first record and expects to be asked for more.
func greeted(t *testing.T, c net.Conn, start, next uint32) bool {
	if _, err := c.Write(hello(t, start, next)); err != nil {
		return false
	}
	b := make([]byte, 100)
	n, err := c.Read(b)
	if err == nil && string(b[:n]) != "START: " {
		t.Errorf("Argus was told %q", b[:n])
	}
	return err == nil
}

// serve sends a flow and then a heartbeat every 10 seconds.
func serve(t *testing.T, c net.Conn) {
	if !greeted(t, c, 1, 1) {
		return
	}
	gone := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, c); close(gone) }()
	_, _ = c.Write(aFlow(t))
	beat := time.NewTicker(10 * time.Second)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			_, _ = c.Write(beatRecord(t, 2, 0))
		case <-gone:
			return
		}
	}
}

// says sends bytes and closes.
func says(data string) peer {
	return func(_ *testing.T, c net.Conn) { _, _ = io.WriteString(c, data) }
}

// aFlow is a record of a flow with the number 1.
func aFlow(*testing.T) []byte {
	key := part(dsrFlow, keyFiveTuple, byte(familyIPv4), []byte{10, 0, 0, 1, 10, 0, 0, 2, 17, 0, 4, 0, 0, 53, 0, 0})
	at := part(dsrTime, 1, 0x18, be32(1700000000, 0))
	return flowRecord(0x13, 0x10, part(dsrTransport, 3, 0, be32(0, 1)), key, at,
		part(dsrMetric, 1, 1, []byte{1, 60, 1, 60}), []byte{dsrNetwork, 0, 0, 1})
}

// running runs a source until the test ends and gives its flows.
func running(t *testing.T, s Source) (flows *[]Flow, mu *sync.Mutex, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan []Flow)
	ended := make(chan error, 1)
	flows, mu = new([]Flow), new(sync.Mutex)
	go func() { ended <- s.Run(ctx, out); close(out) }()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for b := range out {
			mu.Lock()
			*flows = append(*flows, b...)
			mu.Unlock()
		}
	}()
	once := sync.OnceValue(func() error {
		cancel()
		<-drained
		return <-ended
	})
	t.Cleanup(func() { _ = once() })
	return flows, mu, once
}

// Whatever is at the other end, the source stays up, says in one line what is
// wrong and what can be done, and reads as soon as there is an Argus.
func TestArgusSourceSaysWhatIsWrong(t *testing.T) {
	refusal := func(option byte) peer { return says(string([]byte{0x83, 0x80 | option, 0, 1})) }
	cut := func(t *testing.T, c net.Conn) {
		if greeted(t, c, 1, 1) {
			_, _ = c.Write(aFlow(t)[:20])
		}
	}
	for _, tt := range []struct {
		name  string
		peer  peer
		state State
		text  string
	}{
		{"nobody listens", nil, StateRetrying, "test:561: connection refused: nothing listens there: is argus running"},
		{"silence", func(_ *testing.T, c net.Conn) { _, _ = io.Copy(io.Discard, c) }, StateRetrying, "sent no first record within 5s: an argus that hangs"},
		{"half a record", func(t *testing.T, c net.Conn) { _, _ = c.Write(hello(t, 1, 1)[:100]); _, _ = io.Copy(io.Discard, c) }, StateRetrying, "sent no first record within 5s"},
		{"no word", says(""), StateRetrying, "closed the connection without a word: it may be ending, or its hosts.allow"},
		{"garbage", says("\x00\x01\x02\x03\x04\x05\x06\x07"), StateRetrying, "not an Argus stream"},
		{"HTTP", says("HTTP/1.1 400 Bad Request\r\n\r\n"), StateRetrying, `the text "HTTP/1.1`},
		{"too many clients", refusal(2), StateClients, "as many clients as it takes (10): end one of them"},
		{"access denied", refusal(1), StateAccess, "denies the access: admit this host"},
		{"refused", refusal(3), StateRetrying, "refuses for a reason that is not known"},
		{"SASL", func(t *testing.T, c net.Conn) {
			b := hello(t, 1, 1)
			binary.BigEndian.PutUint32(b[4:], authenticationWanted)
			_, _ = c.Write(b)
		}, StateAuthentication, "wants authentication (SASL), which slips-ips does not speak"},
		{"a record cut", cut, StateRetrying, "ends in the middle of a record: 20 of"},
		{"garbage later", func(t *testing.T, c net.Conn) {
			if greeted(t, c, 1, 1) {
				_, _ = io.WriteString(c, "garbage garbage")
			}
		}, StateRetrying, "version of the Argus stream is not known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logBuffer
				s := fakeSource(t, &log, tt.peer, tt.peer, tt.peer, serve)
				flows, mu, stop := running(t, s)
				time.Sleep(5200 * time.Millisecond)
				synctest.Wait()
				if got := s.Stats(); got.State != tt.state && got.State != StateLive || !strings.Contains(got.Error, tt.text) || strings.Contains(got.Error, "\n") {
					t.Errorf("%s: %s\nwant %s: %s", got.State, got.Error, tt.state, tt.text)
				}
				time.Sleep(30 * time.Second)
				synctest.Wait()
				mu.Lock()
				if got := s.Stats(); got.State != StateLive || got.Restarts != 3 || len(*flows) != 1 {
					t.Errorf("later: %d flows, %+v", len(*flows), got)
				}
				mu.Unlock()
				// Three attempts in vain, and one line; another where a session had begun.
				if n := log.count("source interrupted"); n > 3 || n > 1 && tt.name != "a record cut" && tt.name != "garbage later" {
					t.Errorf("%d lines:\n%s", n, log.String())
				}
				if err := stop(); err != nil || s.Stats().State != StateStopped {
					t.Errorf("%v, %+v", err, s.Stats())
				}
			})
		})
	}
}

// An Argus that hangs is called silent before it is given up; what it still sends
// is taken.
func TestArgusSourceThatFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		hang := func(t *testing.T, c net.Conn) {
			if greeted(t, c, 1, 5) {
				time.Sleep(15 * time.Second) // overdue, and then it comes
				_, _ = c.Write(beatRecord(t, 7, 0))
				_, _ = io.Copy(io.Discard, c)
			}
		}
		back := func(t *testing.T, c net.Conn) {
			if greeted(t, c, 1, 12) {
				_, _ = io.Copy(io.Discard, c)
			}
		}
		s := fakeSource(t, &log, hang, back)
		_, _, stop := running(t, s)
		began := time.Now()
		for _, step := range []struct {
			after time.Duration
			want  State
		}{{13, StateLive}, {14, StateSilent}, {16, StateLive}, {29, StateSilent}, {37, StateSilent}, {38, StateRetrying}, {39, StateLive}} {
			time.Sleep(step.after*time.Second + 250*time.Millisecond - time.Since(began))
			synctest.Wait()
			if got := s.Stats(); got.State != step.want {
				t.Errorf("after %ds: %s, want %s (%s)", step.after, got.State, step.want, got.Error)
			}
		}
		got := s.Stats()
		if want := "nothing came for 23s, though it reports itself every 10s"; !strings.Contains(got.Error, want) {
			t.Errorf("%q, want %q", got.Error, want)
		}
		// The same Argus had given out five numbers when it was back.
		if got.Gaps != 1 || got.Missed != 5 || got.Away < 300*time.Millisecond || log.count("missed_flows=\"5 at most\"") != 1 {
			t.Errorf("%+v\n%s", got, log.String())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// An Argus of our own is known by its number, and others that read it are told
// of.
func TestArgusOfOurOwnIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		probe := func(b []byte, id uint32) []byte {
			binary.BigEndian.PutUint32(b[120:], id)
			return b
		}
		s := fakeSource(t, &log, func(t *testing.T, c net.Conn) { _, _ = c.Write(probe(hello(t, 1, 1), 6)) },
			func(t *testing.T, c net.Conn) {
				_, _ = c.Write(probe(hello(t, 1, 1), 5))
				_, _ = c.Read(make([]byte, 100))
				for range 3 {
					b := beatRecord(t, 1, 0)
					binary.BigEndian.PutUint32(b[92:], 2)
					_, _ = c.Write(b)
				}
				_, _ = io.Copy(io.Discard, c)
			})
		open := s.open
		s.open = func(ctx context.Context) (*link, error) {
			l, err := open(ctx)
			l.probe = 5
			return l, err
		}
		_, _, stop := running(t, s)
		time.Sleep(time.Second)
		if got := s.Stats(); got.State != StateLive || !strings.Contains(got.Error, "somebody else has taken the port") {
			t.Errorf("%+v", got)
		}
		if log.count("somebody else reads") != 1 {
			t.Error(log.String())
		}
		_ = stop()
	})
}

// Names, IPv4 and IPv6 over real sockets.
func TestArgusSourceConnects(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			t.Logf("%s: %v", host, err)
			continue
		}
		defer l.Close()
		go func() {
			if c, err := l.Accept(); err == nil {
				defer c.Close()
				serve(t, c)
			}
		}()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseSource("argus://"+host+":"+port, Options{Joining: Joining{Off: true}, Number: 3})
		if err != nil {
			t.Fatal(err)
		}
		flows, _, stop := running(t, s)
		testenv.Until(t, "a flow from "+host, func() bool { return s.Stats().Flows == 1 })
		if err := stop(); err != nil || (*flows)[0].Source != 3 {
			t.Errorf("%s: %v, %+v", host, err, *flows)
		}
	}
	s, err := ParseSource("argus://name.invalid", Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, _, stop := running(t, s)
	testenv.Until(t, "the name that does not exist", func() bool { return strings.Contains(s.Stats().Error, "check the name") })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A stop asks Argus to end, and takes what it still sends.
func TestArgusSourceStopsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		s := fakeSource(t, &log, func(t *testing.T, c net.Conn) {
			if !greeted(t, c, 1, 1) {
				return
			}
			b := make([]byte, 100)
			if n, err := c.Read(b); string(b[:n]) != "DONE: " {
				t.Errorf("told %q, %v", b[:n], err)
			}
			_, _ = c.Write(aFlow(t))
		})
		flows, _, stop := running(t, s)
		time.Sleep(time.Second)
		if err := stop(); err != nil || len(*flows) != 1 || s.Stats().State != StateStopped || s.Stats().Error != "" {
			t.Errorf("%v, %d flows, %+v", err, len(*flows), s.Stats())
		}
		// One that does not end is left.
		s = fakeSource(t, &log, func(t *testing.T, c net.Conn) {
			greeted(t, c, 1, 1)
			_, _ = io.Copy(io.Discard, c)
		})
		_, _, stop = running(t, s)
		time.Sleep(time.Second)
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) > doneWait+2*tickEvery {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// Garbage is another one each time, and told once.
func TestGarbageIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		n := byte(0)
		s := fakeSource(t, &log, func(_ *testing.T, c net.Conn) {
			n++
			_, _ = c.Write([]byte{n, n + 1, n + 2, n + 3, n + 4})
		})
		_, _, stop := running(t, s)
		time.Sleep(5 * time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if s.Stats().Restarts < 5 || log.count("source interrupted") != 1 || !strings.Contains(log.String(), "is the port that of an argus or radium?") {
			t.Errorf("%+v\n%s", s.Stats(), log.String())
		}
	})
}

// Where other sources go on, one whose interface is not there yet is waited for.
func TestPatientSpawnWaits(t *testing.T) {
	s, err := ParseSource("spawn:none0", Options{Patient: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, make(chan []Flow)) }()
	testenv.Until(t, "a second attempt", func() bool { return s.Stats().Restarts > 0 })
	if got := s.Stats(); got.State != StateRetrying || !strings.Contains(got.Error, "no such network interface") && !strings.Contains(got.Error, "not installed") {
		t.Errorf("%+v", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
