package web

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// How many are logged in at once, and for how long; sessions that nobody uses end
// sooner.
const (
	maxSessions = 64
	maxOfOne    = 8 // of one token
	sessionFor  = 12 * time.Hour
	sessionIdle = 2 * time.Hour
)

// session is one login.
type session struct {
	*allowance
	token       token
	begun, used time.Time
}

// sessions are those that are logged in, by their cookie's hash. It is safe for
// concurrent use. They end with the process.
type sessions struct {
	mu   sync.Mutex
	byID map[[sha256.Size]byte]*session
}

func newSessions() *sessions { return &sessions{byID: map[[sha256.Size]byte]*session{}} }

// begin logs a token in. Where there are too many, of it or in all, the one that was
// not used for the longest time ends.
func (s *sessions) begin(t token, now time.Time) (cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.byID {
		if old.over(now) {
			delete(s.byID, id)
		}
	}
	s.makeRoom(maxOfOne, func(old *session) bool { return old.token.name == t.name })
	s.makeRoom(maxSessions, func(*session) bool { return true })
	cookie = rand.Text() + rand.Text()
	s.byID[sha256.Sum256([]byte(cookie))] = &session{newAllowance(), t, now, now}
	return cookie
}

// makeRoom ends those of which there are too many for one more. One who logs in again
// and again ends his own before those of others.
func (s *sessions) makeRoom(most int, of func(*session) bool) {
	for {
		n := 0
		var oldest [sha256.Size]byte
		for id, old := range s.byID {
			if !of(old) {
				continue
			}
			if n == 0 || old.used.Before(s.byID[oldest].used) {
				oldest = id
			}
			n++
		}
		if n < most {
			return
		}
		delete(s.byID, oldest)
	}
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.begun) > sessionFor || now.Sub(s.used) > sessionIdle
}

// has tells whether a cookie is of a session, whatever became of its token.
func (s *sessions) has(cookie string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.byID[sha256.Sum256([]byte(cookie))]
	return ok
}

// of gives whom a cookie stands for, as the tokens are now, and what he may still ask
// for. used tells that he asks himself.
func (s *sessions) of(cookie string, valid []token, now time.Time, used bool) (token, *allowance, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := sha256.Sum256([]byte(cookie))
	is, ok := s.byID[id]
	if !ok {
		return token{}, nil, false
	}
	for _, t := range valid {
		if t.hash == is.token.hash && t.name == is.token.name && !is.over(now) {
			if used {
				is.used = now
			}
			return t, is.allowance, true // with the rights that it has now
		}
	}
	delete(s.byID, id)
	return token{}, nil, false
}

// count gives how many are logged in.
func (s *sessions) count(now time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, is := range s.byID {
		if !is.over(now) {
			n++
		}
	}
	return n
}

func (s *sessions) end(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, sha256.Sum256([]byte(cookie)))
}
