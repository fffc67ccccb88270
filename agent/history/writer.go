package history

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// run is the writer: the only one that changes the file.
func (s *Store) run(failing bool) {
	defer close(s.done)
	tick := time.NewTicker(coalesce)
	defer tick.Stop()
	wait := firstRetry
	retry := time.NewTimer(wait)
	defer retry.Stop()
	for {
		wake, again := s.wake, retry.C
		if failing {
			wake = nil // it would only fail again
		} else {
			again = nil
		}
		var drain <-chan time.Time
		if !s.drainSince.IsZero() {
			drain = time.After(drainEvery)
		}
		counted := false
		select {
		case <-s.stopping.Done():
			s.finish()
			return
		case <-wake:
			counted = s.flush.Swap(false)
		case <-tick.C:
			if failing {
				continue
			}
			counted = true
			s.tellLost("they came faster than they can be written")
		case <-drain:
		case <-again:
			counted = true
		}
		err := s.work(context.Background(), counted)
		if err != nil { // no reader waits for what may take long
			s.gate.unshut()
			s.drainSince = time.Time{}
		}
		switch {
		case err == nil && failing:
			s.recovered()
			failing, wait = false, firstRetry
		case err != nil && !failing:
			s.failed(err)
			failing = true
			retry.Reset(wait)
		case err != nil:
			s.stillFailing(err)
			wait = min(2*wait, lastRetry)
			retry.Reset(wait)
		}
	}
}

// work writes all that waits, and does a step of the retention after each batch.
func (s *Store) work(ctx context.Context, counted bool) error {
	db := s.db.Load()
	if db != nil && (counted && db.moved() || s.suspect.Load()) {
		if err := s.doubt(ctx, db); err != nil {
			return err
		}
		db = s.db.Load()
	}
	if db == nil {
		if err := s.openFile(ctx); err != nil {
			return err
		}
		db = s.db.Load()
	}
	for {
		more, further, err := s.batch(ctx, db, counted)
		if isCorrupt(err) {
			return errors.Join(err, s.replace(db))
		}
		if err != nil {
			return err
		}
		if s.stopping.Err() != nil {
			further = false
			more = more && s.closing // finish does the rest, in its time
		}
		if !more && !further {
			return nil
		}
	}
}

// batch writes some of what waits. more tells that something is left, further
// that the retention is not done.
func (s *Store) batch(ctx context.Context, db *database, counted bool) (more, further bool, err error) {
	if events := s.queue.oldest(batchEvents); len(events) > 0 {
		added, refused, err := db.writeEvents(ctx, events)
		if err != nil {
			return false, false, fmt.Errorf("writing events: %w", err)
		}
		for _, r := range refused {
			s.log.Error("an event cannot be kept in the history", "error", r)
		}
		s.queue.done(len(events), len(refused))
		s.wrote(events, added)
		more = len(events) == batchEvents
	}
	if counted {
		taken := s.counts.take(batchCounts)
		if len(taken) > 0 {
			err := db.writeCounts(ctx, taken, episodeGap)
			s.counts.done(taken, err == nil)
			if err != nil {
				return false, false, fmt.Errorf("writing detections: %w", err)
			}
			s.wrote(nil, 0)
			more = more || len(taken) == batchCounts
		}
	}
	for range retainSteps {
		removed, again, err := db.retain(ctx, s.keep, s.opt.Now())
		if err != nil {
			return false, false, err
		}
		if removed > 0 {
			if err := s.measureOldest(ctx, db, removed); err != nil {
				return false, false, err
			}
		}
		if further = again; !further {
			break
		}
	}
	if err := s.drain(ctx, db); err != nil {
		return false, false, err
	}
	_, file, wal, err := db.sizes(ctx)
	if err != nil {
		return false, false, err
	}
	s.mu.Lock()
	s.size = file + wal
	s.mu.Unlock()
	return more, further, nil
}

// wrote takes note of a commit.
func (s *Store) wrote(events []Event, added int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events += int64(added)
	for i := range events {
		if t := timeOf(seqOf(events[i].Time)); s.oldest.IsZero() || t.Before(s.oldest) {
			s.oldest = t
		}
	}
	close(s.progress)
	s.progress = make(chan struct{})
}

// drain empties the log where it has grown too long, which readers that follow
// one another keep SQLite from doing: new ones have to wait for the moment. Each
// is short (readFor); another program may read for longer, and is waited for only
// so long.
func (s *Store) drain(ctx context.Context, db *database) error {
	now := time.Now()
	if db.walSize() <= s.keep.wal || now.Before(s.drainNext) {
		s.gate.unshut()
		s.drainSince = time.Time{}
		return nil
	}
	s.gate.shut()
	if s.drainSince.IsZero() {
		s.drainSince = now
	}
	empty, err := db.checkpoint(ctx)
	if empty || err != nil {
		s.gate.unshut()
		s.drainSince = time.Time{}
		s.drainTold = s.drainTold && !empty
		return err
	}
	if now.Sub(s.drainSince) > drainFor {
		s.gate.unshut()
		s.drainSince, s.drainNext = time.Time{}, now.Add(restDrain)
		if s.drainTold {
			return nil
		}
		s.drainTold = true
		s.log.Warn("the log of the history cannot be emptied: another program has been reading the history for long; end its transaction",
			"path", s.opt.Path, "bytes", db.walSize())
	}
	return nil
}

// doubt looks at a file that is not at its place any more, or that somebody
// found to be corrupt, and gives it up where that is so.
func (s *Store) doubt(ctx context.Context, db *database) error {
	if db.moved() {
		s.log.Error("the file of the history was removed or replaced: it is begun again", "path", s.opt.Path)
		s.leave(db)
		return nil
	}
	if time.Since(s.checked) < checkEvery {
		s.suspect.Store(false)
		return nil
	}
	s.checked = time.Now()
	sound, err := db.sound(ctx)
	if err != nil {
		return fmt.Errorf("checking the history: %w", err)
	}
	s.suspect.Store(false)
	if sound {
		return nil
	}
	return s.replace(db)
}

// replace moves the corrupt file aside; the next try makes a new one.
func (s *Store) replace(db *database) error {
	s.leave(db)
	moved, err := moveAside(s.opt.Path, s.opt.Now())
	if err != nil {
		return err
	}
	s.tellCorrupt(moved)
	return nil
}

func (s *Store) leave(db *database) {
	s.db.Store(nil)
	s.gate.unshut()
	if err := db.close(); err != nil {
		s.log.Warn("closing the history", "path", s.opt.Path, "error", err)
	}
}

// measureOldest takes note of events that the retention removed.
func (s *Store) measureOldest(ctx context.Context, db *database, removed int64) error {
	var seq int64
	if err := db.writer.QueryRowContext(ctx, "SELECT coalesce(min(seq), -1) FROM events").Scan(&seq); err != nil {
		return fmt.Errorf("looking for the oldest event: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events -= removed
	s.oldest = time.Time{}
	if seq >= 0 {
		s.oldest = timeOf(seq)
	}
	return nil
}

// failed says once that nothing can be written.
func (s *Store) failed(err error) {
	s.mu.Lock()
	s.failing, s.failure = s.opt.Now(), err
	s.mu.Unlock()
	s.log.Error("the history cannot be written; events wait in memory, and the agent goes on",
		"path", s.opt.Path, "error", err, "remedy", advice(err), "room", s.opt.QueueLen)
}

func (s *Store) stillFailing(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// recovered says that it is over, in the history too where that has a hole.
func (s *Store) recovered() {
	s.mu.Lock()
	since := s.failing
	s.failing, s.failure = time.Time{}, nil
	s.mu.Unlock()
	s.log.Info("the history is written again", "path", s.opt.Path, "since", since)
	s.tellLost("nothing could be written since " + since.UTC().Format(time.RFC3339))
}

// tellLost says what was lost since it was called last, in the history too: who
// reads it later must know that it has a hole.
func (s *Store) tellLost(why string) {
	_, _, _, lost := s.queue.stats()
	missing := lost - s.lostTold
	if missing == 0 {
		return
	}
	s.lostTold = lost
	s.log.Warn("events are missing in the history", "path", s.opt.Path, "lost", missing, "reason", why)
	s.Record(Event{Kind: KindAgent, Text: fmt.Sprintf("%d"+holeText+"%s", missing, why)})
}

// finish writes what is left and closes the file.
func (s *Store) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), closeFor)
	defer cancel()
	s.closing = true
	err := s.work(ctx, true)
	waiting, _, _, _ := s.queue.stats()
	if err != nil {
		err = fmt.Errorf("closing the history %s: %d events could not be written: %w", s.opt.Path, waiting, err)
	}
	if db := s.db.Load(); db != nil {
		s.db.Store(nil)
		s.gate.unshut()
		if cerr := db.close(); cerr != nil && err == nil {
			err = fmt.Errorf("closing the history %s: %w", s.opt.Path, cerr)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeErr = err
}
