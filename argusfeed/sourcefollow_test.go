package argusfeed

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

// followed is a file that a source follows.
type followed struct {
	t     *testing.T
	path  string
	s     *followSource
	out   chan []Flow
	ended chan error
	stop  context.CancelFunc
	log   *syncBuffer
}

// syncBuffer takes a log that is read meanwhile.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// follow makes a source that looks often. It is not started yet.
func follow(t *testing.T) *followed {
	t.Helper()
	f := &followed{t: t, path: filepath.Join(t.TempDir(), "flows"), out: make(chan []Flow), ended: make(chan error, 1), log: &syncBuffer{}}
	s, err := ParseSource("follow:"+f.path, Options{Number: 3, Log: slog.New(slog.NewTextHandler(f.log, nil)),
		Joining: Joining{Off: true}}) // so that what is written comes
	if err != nil {
		t.Fatal(err)
	}
	f.s = s.(*followSource)
	f.s.poll = 2 * time.Millisecond
	return f
}

func (f *followed) start() {
	ctx, stop := context.WithCancel(f.t.Context())
	f.stop = stop
	go func() { f.ended <- f.s.Run(ctx, f.out) }()
}

// want waits for so many flows, and gives them.
func (f *followed) want(n int) []Flow {
	f.t.Helper()
	var flows []Flow
	for len(flows) < n {
		select {
		case b := <-f.out:
			flows = append(flows, b...)
		case err := <-f.ended:
			f.t.Fatalf("the source ended: %v", err)
		case <-time.After(testenv.Patience):
			f.t.Fatalf("%d flows, want %d: %+v\n%s", len(flows), n, f.s.Stats(), f.log)
		}
	}
	if len(flows) > n {
		f.t.Fatalf("%d flows, want %d", len(flows), n)
	}
	return flows
}

// until waits for something in the statistics.
func (f *followed) until(what string, is func(Stats) bool) {
	f.t.Helper()
	testenv.Until(f.t, what, func() bool { return is(f.s.Stats()) }, func() string { return fmt.Sprintf("%+v\n%s", f.s.Stats(), f.log) })
}

func (f *followed) state(want State) {
	f.t.Helper()
	f.until(string(want), func(s Stats) bool { return s.State == want })
}

// hasRead waits until all of the file has been read.
func (f *followed) hasRead(n int) {
	f.t.Helper()
	f.until(fmt.Sprintf("%d bytes read", n), func(s Stats) bool { return s.Read == int64(n) })
}

// quit stops the source, which must have nothing more.
func (f *followed) quit() {
	f.t.Helper()
	f.stop()
	for {
		select {
		case b := <-f.out:
			f.t.Errorf("%d flows more: %v", len(b), b)
		case err := <-f.ended:
			if got := f.s.Stats(); err != nil || got.State != StateStopped || got.Dropped > 0 {
				f.t.Errorf("after the stop: %v, %+v", err, got)
			}
			return
		}
	}
}

func (f *followed) do(errs ...error) {
	f.t.Helper()
	for _, err := range errs {
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *followed) append(data string) {
	f.t.Helper()
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	f.do(err)
	_, err = file.WriteString(data)
	f.do(err, file.Close())
}

// raLine is a line of ra; each has a time of its own.
func raLine(n int) string {
	f := Flow{
		Tuple: Tuple{Src: AddrFrom4([4]byte{10, 0, 0, 1}), Dst: AddrFrom4([4]byte{192, 0, 2, 1}), Port: PortNumber(uint16(n)), Proto: ProtoTCP},
		Start: Time(n) * 1e6, Packets: 1, Bytes: 60, State: "S_",
	}
	return string(append(new(RaPrinter).AppendFlow(nil, &f), '\n'))
}

func raLines(from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		b.WriteString(raLine(n))
	}
	return b.String()
}

func (f *followed) wantLines(from, to int) {
	f.t.Helper()
	for i, flow := range f.want(to - from) {
		if flow.Port != PortNumber(uint16(from+i)) || flow.Source != 3 {
			f.t.Errorf("%v of source %d where line %d is due", flow.Tuple, flow.Source, from+i)
		}
	}
}

// A file that grows in pieces of any size gives the flows of the whole file.
func TestFollowAFileThatGrows(t *testing.T) {
	argus, err := os.ReadFile(runArgus(t, everything(3), argusConfigs["everything-often"]))
	if err != nil {
		t.Fatal(err)
	}
	argus = append(argus, fixture(t, "restart.argus")...) // argus goes on in the file
	for format, data := range map[Format][]byte{FormatText: append(mixture(2000), "junk\n"...), FormatArgus: argus} {
		t.Run(format.String(), func(t *testing.T) {
			t.Parallel()
			want, _ := allFlows(t, NewDecoder(format, bytes.NewReader(data), TextOptions{Source: 3, Joining: Joining{Off: true}}))
			f := follow(t)
			f.start()
			f.until("waiting", func(s Stats) bool { return strings.Contains(s.Error, "no such file") })
			var got []Flow
			done := make(chan struct{})
			go func() {
				defer close(done)
				for err := error(nil); err == nil; {
					select {
					case b := <-f.out:
						got = append(got, b...)
					case err = <-f.ended:
						f.ended <- err
						return
					}
				}
			}()
			rnd := rand.New(rand.NewPCG(1, 1))
			for rest := data; len(rest) > 0; {
				n := min(len(rest), rnd.IntN(3)*rnd.IntN(2000)+1+rnd.IntN(3))
				f.append(string(rest[:n]))
				rest = rest[n:]
				if rnd.IntN(20) == 0 {
					f.hasRead(len(data) - len(rest))
				}
			}
			f.hasRead(len(data))
			f.state(StateLive)
			f.stop()
			<-done
			if err := <-f.ended; err != nil || !slices.Equal(got, want) {
				t.Errorf("%v: %d flows, want %d", err, len(got), len(want))
			}
			if n := strings.Count(f.log.String(), "level=WARN"); n != 1+strings.Count(string(data), "junk") {
				t.Errorf("%d warnings logged, one is that it waits:\n%s", n, f.log)
			}
		})
	}
}

// Whatever the rotation, no line is lost and none comes twice.
func TestFollowRotation(t *testing.T) {
	f := follow(t)
	old := f.path + ".1"
	f.append(RaHeader + "\n" + raLines(0, 5))
	f.start()
	f.wantLines(0, 5)

	// Renamed, and for a while there is no new one: the old one may still grow.
	f.do(os.Rename(f.path, old))
	f.state(StateWaiting)
	file, err := os.OpenFile(old, os.O_APPEND|os.O_WRONLY, 0)
	f.do(err)
	defer file.Close()
	_, err = file.WriteString(raLine(5))
	f.do(err)
	f.wantLines(5, 6)
	// The new one is empty: the old one may still grow.
	f.append("")
	f.state(StateLive)
	_, err = file.WriteString(raLines(6, 8) + strings.TrimSuffix(raLine(8), "\n"))
	f.do(err)
	f.wantLines(6, 8)
	// The new one is written to: the old one is read to its end before, though
	// its last line has none.
	f.append(raLines(9, 11))
	f.wantLines(8, 11)

	// Renamed and made anew at once.
	f.do(os.Rename(f.path, old))
	f.append(raLine(11))
	f.wantLines(11, 12)

	// Truncated in place: shorter, and then longer than before.
	f.do(os.Truncate(f.path, 0))
	f.append(raLine(12))
	f.wantLines(12, 13)
	f.do(os.WriteFile(f.path, []byte(raLines(13, 30)), 0))
	f.wantLines(13, 30)

	// Deleted, and there again.
	f.do(os.Remove(f.path))
	f.state(StateWaiting)
	f.append(RaHeader + "\n" + raLines(30, 40))
	f.wantLines(30, 40)

	// A line that is half written when the source is stopped is none.
	f.append(strings.TrimSuffix(raLine(40), "60\n"))
	f.until("read", func(s Stats) bool { return s.Read == s.Size })
	f.quit()
	if log := f.log.String(); strings.Contains(log, "level=WARN") || strings.Count(log, "source live") != 1 {
		t.Errorf("logged\n%s", log)
	}
}

// Truncation of a stream while argus goes on: what follows lacks a first record.
func TestFollowTruncatedStream(t *testing.T) {
	data := fixture(t, "mixed-plain.argus")
	want, _ := allFlows(t, NewDecoder(FormatArgus, bytes.NewReader(data), TextOptions{Source: 3, Joining: Joining{Off: true}}))
	f := follow(t)
	f.do(os.WriteFile(f.path, data[:argusManagementLen], 0o600))
	f.start()
	f.hasRead(argusManagementLen)
	f.do(os.Truncate(f.path, 0))
	f.hasRead(0)
	f.append(string(data[argusManagementLen:]))
	got := f.want(len(want))
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("flow %d: %v, want %v", i, got[i], want[i])
		}
	}
	f.quit()
}

// A new file that begins with a later management record.
func TestFollowWithoutFirstRecord(t *testing.T) {
	data := fixture(t, "mixed-plain.argus")
	want, _ := allFlows(t, NewDecoder(FormatArgus, bytes.NewReader(data), TextOptions{Source: 3, Joining: Joining{Off: true}}))
	f := follow(t)
	f.do(os.WriteFile(f.path, append(beatRecord(t, 1, 0), data[argusManagementLen:]...), 0o600))
	f.start()
	last := want[len(want)-1]
	last.Line++ // the record that was put before them
	if got := f.want(len(want)); got[len(got)-1] != last {
		t.Errorf("%+v, want %+v", got[len(got)-1], last)
	}
	f.quit()
}

// What cannot be read is told in one line, and costs no more than its file.
func TestFollowWhatCannotBeRead(t *testing.T) {
	argus := string(fixture(t, "restart.argus"))
	flows, _ := allFlows(t, NewDecoder(FormatArgus, strings.NewReader(argus), TextOptions{Joining: Joining{Off: true}}))
	f := follow(t)
	f.append(argus[:argusManagementLen] + "\x13\x10\x00\x00" + strings.Repeat("garbage", 100))
	f.start()
	f.until("told", func(s Stats) bool {
		return s.State == StateRetrying && strings.Contains(s.Error, "a record of length 0")
	})
	f.append("and it grows")
	f.do(os.Truncate(f.path, 0))
	f.hasRead(0)
	f.append(argus)
	f.want(len(flows))

	// Rotated in the middle of a record.
	f.append(argus[:argusManagementLen+50])
	f.hasRead(len(argus) + argusManagementLen + 50)
	f.do(os.Rename(f.path, f.path+".1"))
	f.append(argus)
	f.want(len(flows))

	// Compressed in its place.
	f.do(os.WriteFile(f.path, zipped(t, []byte(argus)), 0))
	f.until("told", func(s Stats) bool { return strings.Contains(s.Error, "compressed with gzip, and so does not grow") })
	f.do(os.Remove(f.path))
	f.append(argus)
	f.want(len(flows))
	f.quit()
	log := f.log.String()
	for _, what := range []string{"a record of length 0", "ends in the middle of a record", "compressed with gzip"} {
		if strings.Count(log, what) != 1 {
			t.Errorf("%q is told %d times:\n%s", what, strings.Count(log, what), log)
		}
	}
}

// A file that never can be followed is a mistake; one that is not there is not.
func TestFollowRefuses(t *testing.T) {
	for want, make := range map[string]func(path string) error{
		"compressed with gzip, and so does not grow: file:PATH reads it": func(p string) error {
			return os.WriteFile(p, zipped(t, []byte(beacon)), 0o600)
		},
		"packet capture":                     func(p string) error { return os.WriteFile(p, []byte("\xd4\xc3\xb2\xa1\x02\x00\x04"), 0o600) },
		"neither a pipe nor a folder is (ra": func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"no file that can be followed":       func(p string) error { return os.Mkdir(p, 0o700) },
		"not a directory":                    func(p string) error { return os.WriteFile(filepath.Dir(p), nil, 0o600) },
	} {
		f := follow(t)
		if want == "not a directory" {
			f.do(os.Remove(filepath.Dir(f.path)))
		}
		f.do(make(f.path))
		f.start()
		if err := <-f.ended; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), f.path) {
			t.Errorf("%v, want %q", err, want)
		}
		if got := f.s.Stats(); got.State != StateFailed {
			t.Errorf("%+v", got)
		}
	}
}

// ra does not print its header again when its output file is truncated.
func TestFollowKeepsTheHeader(t *testing.T) {
	const header = "Seq,StartTime,Proto,SrcAddr,DstAddr,Dport,Dur,Sport,Dir,State,sTos,dTos,TotPkts,TotBytes\n"
	row := func(n int) string {
		return fmt.Sprintf("%d,2026/03/01 12:00:%02d.000000,tcp,10.0.0.1,192.0.2.1,%d,0.1,4000,->,S_,,,1,60\n", n, n, n)
	}
	f := follow(t)
	f.append(header + row(0))
	f.start()
	f.wantLines(0, 1)
	for n := 1; n < 3; n++ {
		f.do(os.Truncate(f.path, 0))
		f.append(row(n))
		f.wantLines(n, n+1)
	}
	// Another file has its own header, or none.
	f.do(os.Rename(f.path, f.path+".1"))
	f.append(raLine(3))
	f.wantLines(3, 4)
	f.quit()
	if log := f.log.String(); strings.Contains(log, "level=WARN") {
		t.Errorf("logged\n%s", log)
	}
}

// A connection that lasts over a rotation is one flow, given out when it is over or
// when the source is told to stop.
func TestFollowJoinsOverRotations(t *testing.T) {
	f := follow(t)
	f.s.opt.Joining = Joining{}
	head := string(firstRecord(t, nil))
	f.append(head + connRecord(1, 0x12, 1700000000) + connRecord(2, 0x12, 1700000001))
	f.start()
	f.hasRead(128 + len(connRecord(1, 0, 0))*2)
	f.do(os.Rename(f.path, f.path+".1"))
	f.append(head + connRecord(1, 0x11, 1700000100) + connRecord(3, 0x13, 1700000101))
	if got := f.want(1)[0]; got.Sport != PortNumber(3*256+1) || got.Bytes != 2*768 || got.State != "FSA_FSA" || got.Dur != 100*time.Second+time.Millisecond {
		t.Errorf("%+v", got)
	}
	f.stop()
	if got := f.want(2); got[0].Sport != PortNumber(3*256+2) || got[1].Sport != PortNumber(3*256+3) {
		t.Errorf("%v", got)
	}
	f.do(<-f.ended)
}
