package argusfeed

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

const (
	// tickEvery is how often the decoder hears what time it is, and how soon a
	// stop, a silence or the end of an episode is noticed.
	tickEvery = 100 * time.Millisecond
	// firstWait is how long an Argus may take for its first record, which it
	// sends at once. One that hangs still accepts connections: its kernel does.
	firstWait = 5 * time.Second
	// unknownHeartbeat is taken for the interval of the heartbeat where the
	// first record does not tell it: radium's does not. It is the longest usual.
	unknownHeartbeat = 5 * time.Minute
	// livePatience is how long flows that joining gave out at once may wait for
	// room; Argus keeps for much longer what it tells meanwhile.
	livePatience = time.Second
	// liveBatch is how many flows are handed on at once although more have come, so
	// that they are looked at while the next ones are decoded.
	liveBatch = 128
	// longestHeartbeat bounds what a first record tells, which can be 18 hours.
	longestHeartbeat = 10 * time.Minute
)

// overdue is how long nothing may come from an Argus that reports itself every
// interval until it is called silent, and until it is given up: then it has
// missed two reports. The slack is for a busy machine.
func overdue(interval time.Duration) (silent, lost time.Duration) {
	if interval <= 0 {
		interval = unknownHeartbeat
	}
	interval = min(interval, longestHeartbeat)
	return interval + interval/4 + time.Second, 2*interval + 3*time.Second
}

// link is a connection to an Argus.
type link struct {
	conn net.Conn
	// where is what messages call it.
	where string
	// probe is the id that this Argus must have, or 0.
	probe uint64
	// finish asks Argus to end the stream in order, which may take grace.
	finish func()
	grace  time.Duration
	// close ends it, and may know better why it has ended.
	close func(why error) error
}

// session reads one connection. It belongs to one goroutine.
type session struct {
	*liveSource
	stop  context.Context
	link  *link
	queue *backlog
	in    *tickReader
	dec   *records
	beat  *heartbeat
	batch []Flow

	interval     time.Duration
	silent, lost time.Duration
	ticked       time.Time
	stopBy       time.Time // when it was told to stop
	crowd        bool      // others read an Argus of ours too
}

// tickReader reads for tickEvery at most.
type tickReader struct {
	conn  net.Conn
	set   *joinSet  // nil: records are not joined
	heard time.Time // when something came
	any   bool
	final error // ends the reading
}

func (r *tickReader) Read(p []byte) (int, error) {
	if r.final != nil {
		return 0, r.final
	}
	_ = r.conn.SetReadDeadline(time.Now().Add(tickEvery)) // where that fails, so does Read
	n, err := r.conn.Read(p)
	if n > 0 {
		r.heard, r.any = time.Now(), true
		if r.set != nil {
			r.set.live(r.heard)
		}
	}
	return n, err
}

func newSession(stop context.Context, s *liveSource, l *link, q *backlog) *session {
	in := &tickReader{conn: l.conn, set: s.joined, heard: time.Now()}
	opt := s.opt.text()
	opt.joined = s.joined
	dec := newRecords(in, opt)
	return &session{liveSource: s, stop: stop, link: l, queue: q, in: in, dec: dec, beat: dec.heartbeat(), batch: newBatch(), ticked: time.Now()}
}

// run greets Argus and reads until the stream ends. Its error says why, and is
// errStopped after a stop.
func (s *session) run() error {
	if err := s.greet(); err != nil {
		return err
	}
	var f Flow
	for {
		if len(s.batch) > 0 && (len(s.batch) == liveBatch || !s.dec.Buffered()) {
			s.send()
		}
		if !s.dec.Buffered() {
			s.pulse(time.Now())
		}
		err := s.dec.Next(&f)
		skip, isSkip := errors.AsType[*SkipError](err)
		switch {
		case err == nil:
			s.batch = append(s.batch, f)
			s.away.known.saw(s.dec.newestSeq())
		case isSkip:
			s.skip(skip, s.opt.Log)
			if skip.Kind == SkipManagement {
				s.hear()
			}
		case errors.Is(err, os.ErrDeadlineExceeded):
		default:
			s.send()
			return s.because(err)
		}
	}
}

// greet reads the first record and asks for the others.
func (s *session) greet() error {
	began := time.Now()
	var f Flow
	for {
		err := s.dec.Next(&f)
		if skip, ok := errors.AsType[*SkipError](err); ok && skip.Kind == SkipManagement {
			s.skip(skip, s.opt.Log)
			break
		}
		switch {
		case s.stop.Err() != nil:
			return errStopped
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Since(began) < firstWait:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return s.errorf("%w: it accepted the connection and sent no first record within %v: an argus that hangs (restart it), or another service", errSilent, firstWait)
		case errors.Is(err, io.EOF) && !s.in.any:
			return s.errorf("it closed the connection without a word: it may be ending, or its hosts.allow and hosts.deny (daemon argus) do not admit this host")
		case err == nil || isRecord(err):
			return s.errorf("%w: it does not begin with a management record", ErrNotArgus)
		default:
			return s.because(err)
		}
	}
	switch {
	case s.beat.Refusal != nil:
		return s.refused(s.beat.Refusal)
	case s.beat.WantsAuthentication():
		return s.errorf("%w (SASL), which slips-ips does not speak: run argus without it, on loopback, and come through a tunnel", errAuthentication)
	case s.link.probe != 0 && s.link.probe != s.beat.Probe:
		return s.errorf("somebody else has taken the port of our argus; another one is tried")
	}
	if err := s.say("START: "); err != nil {
		return s.because(err)
	}
	s.interval = s.beat.StatusInterval
	s.silent, s.lost = overdue(s.interval)
	s.connected(s.beat, time.Now())
	s.heard(s.in.heard)
	return nil
}

// isRecord tells an error about a single record.
func isRecord(err error) bool {
	_, ok := errors.AsType[*SkipError](err)
	return ok
}

// say sends a command. It has to be a write of its own: Argus takes what it
// reads at once for one command.
func (s *session) say(command string) error {
	if err := s.link.conn.SetWriteDeadline(time.Now().Add(firstWait)); err != nil {
		return err
	}
	_, err := io.WriteString(s.link.conn, command)
	return err
}

// send hands a batch to the receiver's queue.
func (s *session) send() {
	if len(s.batch) == 0 {
		return
	}
	// Joining gives out many flows at once when the time of many is over. No
	// record comes of that: they can be waited for.
	burst := s.joined != nil && !s.joined.pool.empty()
	if s.queue.push(s.batch) || burst && s.queue.pushWithin(s.batch, livePatience) {
		s.batch = newBatch()
		return
	}
	s.shedFlows(overIn(s.batch), time.Now())
	s.batch = s.batch[:0]
}

// hear takes in a management record.
func (s *session) hear() {
	s.lostPackets(s.beat.Dropped, time.Now())
	if s.beat.Refusal != nil {
		s.in.final = s.refused(s.beat.Refusal)
	}
	if s.away.known.start != 0 && !s.beat.Initial {
		s.away.known.next = max(s.away.known.next, s.beat.NextSeq)
	}
	if s.link.probe != 0 && s.beat.Clients > 1 && !s.crowd {
		s.crowd = true
		s.opt.Log.Warn("somebody else reads the argus of this source: programs of this machine can reach its port",
			"source", s.String(), "clients", s.beat.Clients)
	}
}

// pulse does what has to be done now and then; it is called whenever the decoder
// is about to read.
func (s *session) pulse(now time.Time) {
	if now.Sub(s.ticked) >= tickEvery {
		s.ticked = now
		s.dec.Tick(now)
		s.joinedSoFar(s.dec.Joined(), now)
		s.episodesOver(now, false)
	}
	switch {
	case s.in.final != nil:
	case !s.stopBy.IsZero():
		if now.After(s.stopBy) {
			s.in.final = io.EOF
		}
	case s.stop.Err() != nil:
		s.stopBy = now.Add(s.link.grace)
		s.link.finish()
	default:
		s.listen(now.Sub(s.in.heard))
	}
}

// listen keeps the state while nothing has come for a time.
func (s *session) listen(quiet time.Duration) {
	switch {
	case quiet >= s.lost:
		s.in.final = s.errorf("%w for %v, though it reports itself every %v: argus or the network in between hangs", errSilent, quiet.Round(time.Second), s.every())
	case quiet >= s.silent:
		if s.Stats().State == StateLive {
			s.set(StateSilent)
			s.opt.Log.Warn("source silent", "source", s.String(), "for", quiet.Round(time.Second), "expected", s.every())
		}
	case s.heard(s.in.heard):
		s.opt.Log.Info("source live", "source", s.String())
	}
}

// every is the interval of the heartbeat that is expected.
func (s *session) every() time.Duration {
	if s.interval <= 0 {
		return unknownHeartbeat
	}
	return s.interval
}
