package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"slips-ips/agent/status"
	"slips-ips/detection"
)

// Options are what a Store is made of.
type Options struct {
	// Path is the file. Its folder is made where there is none.
	Path string
	// KeepFor is how long an entry is kept, KeepBytes how large the file may
	// become with its log; 0: no limit.
	KeepFor   time.Duration
	KeepBytes int64
	// QueueLen is how many events may wait to be written, and how many tuples
	// with a label that were detected; 0: DefaultConfig's.
	QueueLen int
	// Log is told when nothing can be written, and when it can again; nil:
	// nobody is.
	Log *slog.Logger
	// Now gives the time that ages and detections are measured by; nil: time.Now.
	Now func() time.Time
}

const (
	// coalesce is how long detections are counted in memory before they are
	// written, and how often the retention looks.
	coalesce = 3 * time.Second
	// episodeGap is the silence after which a detection of the same tuple and
	// label begins a new episode.
	episodeGap = 6 * time.Hour
	// firstRetry and lastRetry bound the wait before the next try to write.
	firstRetry, lastRetry = time.Second, 30 * time.Second
	// maxWAL is the size of the log, in bytes, above which readers are kept out
	// until it is empty. SQLite itself empties it at 4 MiB, when nobody reads.
	maxWAL = 16 << 20
	// drainFor is how long readers are kept out at most; restDrain is the time
	// before it is tried again, where another program keeps the log from being
	// emptied.
	drainFor, restDrain = 15 * time.Second, 10 * time.Second
	// drainEvery is how often it is tried meanwhile.
	drainEvery = 20 * time.Millisecond
	// checkEvery bounds how often readers can have the whole file read, which may
	// take seconds.
	checkEvery = time.Minute
	// closeFor is how long Close tries to write what is left.
	closeFor = 5 * time.Second
)

// Store is the history. It is safe for concurrent use.
type Store struct {
	opt    Options
	log    *slog.Logger
	queue  queue
	counts counts
	steps  []string // the migrations

	db      atomic.Pointer[database] // nil while it cannot be opened
	gate    gate
	suspect atomic.Bool // a reader found the file corrupt

	wake     chan struct{} // something is to be written
	flush    atomic.Bool   // what was counted too
	stop     context.CancelFunc
	stopping context.Context
	reading  context.Context // ends the readers
	stopRead context.CancelFunc
	done     chan struct{} // the writer is

	mu       sync.Mutex
	progress chan struct{} // closed at each commit
	events   int64
	oldest   time.Time
	size     int64
	failing  time.Time
	failure  error
	closeErr error

	// The writer's own.
	keep       retention
	closing    bool // Close waits for what it does
	lostTold   uint64
	drainSince time.Time
	drainNext  time.Time
	drainTold  bool      // that another program keeps the log
	checked    time.Time // when the file was read as a whole
}

// Open opens the history, or makes it where there is none. A corrupt file is
// moved aside and kept. Where the disk is full, can only be read or fails, it
// succeeds all the same: events wait in memory until the file can be opened. The
// error is ErrInUse, ErrNewer, ErrForeign or that of a path that cannot be used.
func Open(opt Options) (*Store, error) { return open(opt, migrations) }

func open(opt Options, steps []string) (*Store, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.QueueLen <= 0 {
		opt.QueueLen = DefaultConfig().Queue
	}
	s := &Store{
		opt: opt, log: opt.Log, steps: steps,
		queue:    queue{max: opt.QueueLen},
		counts:   counts{max: opt.QueueLen, byKey: make(map[episodeKey]*count)},
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
		progress: make(chan struct{}),
		keep:     retention{keepFor: opt.KeepFor, keepBytes: opt.KeepBytes, wal: maxWAL},
	}
	if opt.KeepBytes > 0 {
		s.keep.wal = min(maxWAL, opt.KeepBytes/4)
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.reading, s.stopRead = context.WithCancel(context.Background())
	err := s.openFile(context.Background())
	if err != nil && !passes(err) {
		s.stop()
		s.stopRead()
		return nil, fmt.Errorf("opening the history %s: %w", opt.Path, err)
	}
	if err != nil {
		s.failed(err)
	}
	go s.run(err != nil)
	return s, nil
}

// openFile opens the file and counts what is in it.
func (s *Store) openFile(ctx context.Context) error {
	db, moved, err := openDatabase(ctx, s.opt.Path, s.steps, s.opt.Now())
	if moved != "" {
		s.tellCorrupt(moved)
	}
	if err != nil {
		return err
	}
	err = s.measure(ctx, db)
	if err == nil {
		s.db.Store(db)
		return nil
	}
	err = errors.Join(err, db.close())
	if !isCorrupt(err) || moved != "" {
		return err
	}
	if moved, err = moveAside(s.opt.Path, s.opt.Now()); err != nil {
		return err
	}
	s.tellCorrupt(moved)
	if db, _, err = openDatabase(ctx, s.opt.Path, s.steps, s.opt.Now()); err != nil {
		return err
	}
	s.db.Store(db) // it is empty
	return nil
}

func (s *Store) tellCorrupt(moved string) {
	s.log.Error("the history was corrupt: it was moved aside and a new one begun", "path", s.opt.Path, "kept", moved)
}

// measure reads what Status tells.
func (s *Store) measure(ctx context.Context, db *database) error {
	var events int64
	var oldest sql.NullInt64
	if err := db.writer.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM events), (SELECT min(seq) FROM events)").Scan(&events, &oldest); err != nil {
		return fmt.Errorf("counting the events: %w", err)
	}
	_, file, wal, err := db.sizes(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events, s.size, s.oldest = events, file+wal, time.Time{}
	if oldest.Valid {
		s.oldest = timeOf(oldest.Int64)
	}
	return nil
}

// Record puts e among the events that are written next. It never waits: where
// too many events wait already, e is lost and counted. Alerts are the first to
// find no place. An ID and a time that are missing are made.
func (s *Store) Record(e Event) {
	if e.Time.IsZero() {
		e.Time = s.opt.Now()
	}
	if e.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			id = uuid.New() // it panics where there is no randomness at all
		}
		e.ID = id.String()
	}
	if s.stopping.Err() == nil && s.queue.put(e) {
		s.poke()
	}
}

// Detected counts d. It never waits: where too many tuples with a label wait to
// be written already, d is not counted, and that is.
func (s *Store) Detected(d detection.Detection) {
	if s.stopping.Err() == nil {
		s.counts.put(d, s.opt.Now())
	}
}

func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Flush returns when all that was recorded and counted before is written. Its
// error says why it is not: ctx ended, or the store was closed.
func (s *Store) Flush(ctx context.Context) error {
	_, events, _, _ := s.queue.stats()
	_, detections, _, _ := s.counts.stats()
	for {
		s.mu.Lock()
		progress := s.progress
		failure := s.failure
		s.mu.Unlock()
		_, _, written, _ := s.queue.stats()
		_, _, counted, _ := s.counts.stats()
		if written >= events && counted >= detections {
			return nil
		}
		s.flush.Store(true)
		s.poke()
		select {
		case <-progress:
		case <-s.done:
			_, _, written, _ := s.queue.stats()
			_, _, counted, _ := s.counts.stats()
			if written >= events && counted >= detections {
				return nil
			}
			return fmt.Errorf("writing the history: %w", ErrClosed)
		case <-ctx.Done():
			if failure != nil {
				return fmt.Errorf("writing the history: %w", failure)
			}
			return fmt.Errorf("writing the history: %w", ctx.Err())
		}
	}
}

// Status tells how the history is. It asks no disk.
func (s *Store) Status() status.History {
	waiting, _, _, lost := s.queue.stats()
	_, _, _, uncounted := s.counts.stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	h := status.History{
		Path: s.opt.Path, Size: s.size, Events: s.events, Waiting: waiting, Lost: lost, Uncounted: uncounted,
		Failing: s.failing, Oldest: s.oldest,
	}
	if s.failure != nil {
		h.Error = fmt.Sprintf("%v; %s", s.failure, advice(s.failure))
	}
	return h
}

// Close writes what waits, for up to five seconds, and closes the file. The
// error says what could not be written.
func (s *Store) Close() error {
	s.stopRead()
	s.stop()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closeErr
}
