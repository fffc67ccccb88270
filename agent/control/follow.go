package control

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"slips-ips/agent/history"
)

// heartbeat is the line that tells a follower that nothing happened.
type heartbeat struct {
	Heartbeat time.Time `json:"heartbeat"`
}

// lost is the line that tells a follower that it was too slow, and how many
// events it did not get.
type lost struct {
	Text string `json:"lost"`
}

// How such lines begin, and no event does.
const (
	heartbeatBegin = `{"heartbeat":`
	lostBegin      = `{"lost":`
)

// follow gives events as JSON lines until the client goes away, is too slow, or
// the agent ends.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) error {
	q, err := parseEvents(r.URL.RawQuery)
	if err != nil {
		return err
	}
	f, err := newFilter(q)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	uid := peerFrom(r).uid
	if !s.followers.try(uid) {
		return fmt.Errorf("%w: too many follow events already", ErrBusy)
	}
	defer s.followers.leave(uid)
	events, err := s.backend.Follow(r.Context())
	if err != nil {
		return err
	}
	rc := http.NewResponseController(w)
	var line bytes.Buffer
	// send writes and flushes what is there: a client has WriteTime for each.
	send := func() error {
		_ = rc.SetWriteDeadline(time.Now().Add(s.opt.WriteTime))
		_, err := w.Write(line.Bytes())
		line.Reset()
		if err == nil {
			err = rc.Flush()
		}
		if err != nil {
			return &sentError{err}
		}
		return nil
	}
	beat := func() { s.addLine(&line, heartbeat{time.Now().UTC()}) }
	w.Header().Set("Content-Type", "application/jsonl")
	beat() // so the client knows at once that it is in
	if err := send(); err != nil {
		return err
	}
	tick := time.NewTicker(s.opt.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return nil
			}
			s.gather(&line, f, e, events)
		case <-tick.C:
			beat()
		case <-r.Context().Done():
			return nil
		case <-s.leaving.Done():
			return nil
		}
		if line.Len() == 0 {
			continue
		}
		if err := send(); err != nil {
			return err
		}
	}
}

// addLine appends a line of JSON. What has none is left out and told in the log.
func (s *Server) addLine(line *bytes.Buffer, v any) {
	text, err := toJSON(v)
	if err != nil {
		s.opt.Log.Error("an event was not told to a follower", "error", err)
		return
	}
	line.Write(text)
}

// maxGather is how many events are sent at once: in a storm each by itself would
// be a write each.
const maxGather = 256

// gather adds e, and what waits behind it.
func (s *Server) gather(line *bytes.Buffer, f *filter, e history.Event, more <-chan history.Event) {
	for n := 1; ; n++ {
		switch {
		case e.ID == "":
			s.addLine(line, lost{e.Text})
		case f.wants(&e):
			s.addLine(line, presentable(e))
		}
		if n == maxGather {
			return
		}
		select {
		case next, ok := <-more:
			if !ok {
				return // seen again by the caller
			}
			e = next
		default:
			return
		}
	}
}
