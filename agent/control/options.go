package control

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"
)

// Options of a server. What is 0 has the default.
type Options struct {
	// Version is that of the program, for GET /v1.
	Version string
	// Log is told of what goes wrong in the server itself; nil is silence.
	Log *slog.Logger

	// Page answers below PagePath for who is at the other end, who may read; nil:
	// there is none. The body of a request is read, and bounded, before: reading one
	// that is too large gives an http.MaxBytesError.
	Page func(http.ResponseWriter, *http.Request, Visitor)

	// MaxClients are connected at once, MaxPerUser of them of one user other than
	// root, for whom an eighth is kept. Defaults 64 and 16.
	MaxClients, MaxPerUser int
	// MaxFollowers follow events at once, half as many of one user. Default 16.
	MaxFollowers int
	// MaxQueries run at once that list or change something, half as many of one
	// user; the next ones wait for QueueTime. Defaults 4 and 5 s.
	MaxQueries int
	QueueTime  time.Duration
	// MaxHeader and MaxBody bound a request, MaxForm the body of one of the page, which
	// may have a slips.toml in it, in bytes. Defaults 16 KiB, 64 KiB and 256 KiB.
	MaxHeader, MaxBody, MaxForm int
	// ReadTime is for sending a request, QueryTime for answering it, WriteTime for
	// receiving the answer (of a follower: each line of it); IdleTime is how long
	// a connection may do nothing. Defaults 5 s, 20 s, 20 s and 60 s.
	ReadTime, QueryTime, WriteTime, IdleTime time.Duration
	// Heartbeat is the time between two signs of life to followers. Default 15 s.
	Heartbeat time.Duration
}

func (o Options) withDefaults() Options {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	o.MaxClients, o.MaxPerUser = cmp.Or(o.MaxClients, 64), cmp.Or(o.MaxPerUser, 16)
	o.MaxFollowers = cmp.Or(o.MaxFollowers, 16)
	o.MaxQueries, o.QueueTime = cmp.Or(o.MaxQueries, 4), cmp.Or(o.QueueTime, 5*time.Second)
	o.MaxHeader, o.MaxBody, o.MaxForm = cmp.Or(o.MaxHeader, 16<<10), cmp.Or(o.MaxBody, 64<<10), cmp.Or(o.MaxForm, 256<<10)
	o.ReadTime, o.QueryTime = cmp.Or(o.ReadTime, 5*time.Second), cmp.Or(o.QueryTime, 20*time.Second)
	o.WriteTime, o.IdleTime = cmp.Or(o.WriteTime, 20*time.Second), cmp.Or(o.IdleTime, time.Minute)
	o.Heartbeat = cmp.Or(o.Heartbeat, 15*time.Second)
	return o
}

// Stats counts what the server did since it was made. It is a value.
type Stats struct {
	// Accepted clients have been let in, Clients are connected now, Followers
	// follow events.
	Accepted  uint64 `json:"accepted"`
	Clients   int    `json:"clients"`
	Followers int    `json:"followers"`
	// Requests were answered, Changes of them changed something.
	Requests uint64 `json:"requests"`
	Changes  uint64 `json:"changes"`
	// RefusedClients, RefusedFollowers and RefusedQueries were one too many;
	// Forbidden requests were of users who may not.
	RefusedClients   uint64 `json:"refused_clients"`
	RefusedFollowers uint64 `json:"refused_followers"`
	RefusedQueries   uint64 `json:"refused_queries"`
	Forbidden        uint64 `json:"forbidden"`
	// Bad requests were wrong in themselves, Cut ones of a client that was too
	// slow or went away before the answer was out.
	Bad uint64 `json:"bad_requests"`
	Cut uint64 `json:"cut_responses"`
}
