package systemd

import (
	"log/slog"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Notifier tells systemd what happens to the agent. Make one with NewNotifier.
type Notifier struct {
	log *slog.Logger
	// send gives systemd a state of sd_notify(3).
	send func(state string) error

	telling sync.Mutex // taken before mu

	mu    sync.Mutex
	stuck string // why the watchdog is not fed, empty while it is
	line  string // the newest of Report
	sent  string // the STATUS that systemd has
	loud  bool   // that systemd cannot be told has been told
}

// NewNotifier makes a Notifier for the service manager that the environment
// names, if any. A nil log is silence.
func NewNotifier(log *slog.Logger) *Notifier {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Notifier{log: log, send: func(state string) error {
		_, err := daemon.SdNotify(false, state) // not sent: nobody asked to be told
		return err
	}}
}

// Ready tells that the agent works: all it needs is open. It also ends a reload,
// whether that succeeded or not.
func (n *Notifier) Ready() { n.tell(daemon.SdNotifyReady) }

// Reloading tells that a reload begins; Ready must follow.
func (n *Notifier) Reloading() {
	n.tell(strings.TrimRight(daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec(), "\n"))
}

// Stopping tells that the agent has been told to stop and works off what it has.
func (n *Notifier) Stopping() { n.tell(daemon.SdNotifyStopping) }

// tell sends, and says once where that fails: the agent works all the same.
func (n *Notifier) tell(state string) {
	err := n.send(state)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil && !n.loud {
		n.log.Warn("systemd cannot be told how the agent is; it may restart it for that (NotifyAccess and NOTIFY_SOCKET of the unit)", "error", err)
	}
	n.loud = err != nil
}
