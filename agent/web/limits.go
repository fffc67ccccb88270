package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one visitor on loopback may take of the agent. A page of this one has three
// files with it, and a visitor may have many pages open.
const (
	pagesPerSecond = 20
	pagesAtOnce    = 100
	filesPerSecond = 60
	filesAtOnce    = 300
	loginsAtOnce   = 10 // and one a second
	maxPages       = 2  // that are made at a time
)

// allowance is what a visitor may still ask for: one who logged in has it by his
// session, others by who they are on this host, so that nobody uses up that of
// another.
type allowance struct {
	pages, files, logins *rate.Limiter
	making               chan struct{}
}

func newAllowance() *allowance {
	return &allowance{
		pages: rate.NewLimiter(pagesPerSecond, pagesAtOnce), files: rate.NewLimiter(filesPerSecond, filesAtOnce),
		logins: rate.NewLimiter(1, loginsAtOnce), making: make(chan struct{}, maxPages),
	}
}

// maxStrangers is how many users of this host who have not logged in are told apart.
const maxStrangers = 64

// strangers are those who have not logged in, by the user that they are. The zero
// value has none. It is safe for concurrent use.
type strangers struct {
	mu    sync.Mutex
	byUID map[int64]*stranger
}

type stranger struct {
	*allowance
	seen time.Time
}

// nobodyKnown is whom the kernel does not name: they share what one has.
const nobodyKnown = -1

// of gives the allowance of a user. Where there are too many the one that was not seen
// for the longest time begins anew.
func (s *strangers) of(uid int64, now time.Time) *allowance {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one, ok := s.byUID[uid]; ok {
		one.seen = now
		return one.allowance
	}
	if s.byUID == nil {
		s.byUID = map[int64]*stranger{}
	}
	if len(s.byUID) >= maxStrangers {
		oldest := uid
		for id, one := range s.byUID {
			if oldest == uid || one.seen.Before(s.byUID[oldest].seen) {
				oldest = id
			}
		}
		delete(s.byUID, oldest)
	}
	one := &stranger{newAllowance(), now}
	s.byUID[uid] = one
	return one.allowance
}
