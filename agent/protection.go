package agent

import (
	"context"
	"log/slog"
	"sync/atomic"

	"slips-ips/agent/hostnet"
	"slips-ips/policy"
)

// protection keeps what is never blocked: what [protect] says and what this
// host needs. It is safe for concurrent use.
type protection struct {
	log     *slog.Logger
	static  []policy.Entry
	current atomic.Pointer[policy.Protected]
}

func newProtection(c policy.ProtectConfig, log *slog.Logger) *protection {
	p := &protection{log: log, static: c.Entries()}
	// Where not everything can be found out, what was found is protected.
	found, err := hostnet.Discover(hostnet.Options{})
	if err != nil {
		p.failed(err)
	}
	p.take(found)
	return p
}

// snapshot gives what is never blocked at this moment.
func (p *protection) snapshot() *policy.Protected { return p.current.Load() }

// watch follows the host's addresses, routes and resolvers until ctx ends.
func (p *protection) watch(ctx context.Context) {
	_ = hostnet.Watch(ctx, hostnet.Options{}, p.take, p.failed) // it ends with ctx only
}

func (p *protection) take(found hostnet.Snapshot) {
	p.current.Store(policy.NewProtected(append(found.Entries, p.static...)...))
}

func (p *protection) failed(err error) {
	p.log.Warn("not everything that must never be blocked is known; what was known stays protected", "error", err)
}
