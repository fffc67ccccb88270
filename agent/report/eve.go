package report

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"slips-ips/agent/history"
)

// EVEConfig is the table [report.eve]: JSON lines as Suricata writes them.
type EVEConfig struct {
	// Path is that of the file or unix socket; empty: off.
	Path string  `toml:"path"`
	Type EVEType `toml:"type"`
	// MaxSize is the size in bytes at which a file is rotated, 0: never; Keep is
	// how many old ones are kept.
	MaxSize int64    `toml:"max_size"`
	Keep    int      `toml:"keep"`
	Flows   EVEFlows `toml:"flows"`
	// MaxFlows is how many flows may wait to be written.
	MaxFlows int `toml:"max_flows"`
	// StatsEvery is how often statistics are written; 0: never.
	StatsEvery time.Duration `toml:"stats_every"`
	Kinds      Kinds         `toml:"kinds"`
	Queue      int           `toml:"queue"`
}

// EVEType says what EVEConfig.Path is, in Suricata's words.
type EVEType string

// The types.
const (
	EVEFile   EVEType = "file"
	EVEStream EVEType = "unix_stream"
	EVEDgram  EVEType = "unix_dgram"
)

// EVEFlows says which flows are told.
type EVEFlows string

// The choices of EVEConfig.Flows.
const (
	EVEFlowsNone     EVEFlows = "none"
	EVEFlowsDetected EVEFlows = "detected" // those of tuples at the moment that they match
	EVEFlowsAll      EVEFlows = "all"      // every flow that is over
)

// flowsMode is EVEFlows as a number, for the hot path.
type flowsMode int32

const (
	flowsNone flowsMode = iota
	flowsDetected
	flowsAll
)

// DefaultEVEConfig is off.
func DefaultEVEConfig() EVEConfig {
	return EVEConfig{
		Type: EVEFile, MaxSize: 100 << 20, Keep: 5, Flows: EVEFlowsNone, MaxFlows: 65536,
		StatsEvery: time.Minute, Kinds: allKinds, Queue: defaultQueue,
	}
}

func (c EVEConfig) validate() []error {
	all := append(c.Kinds.validate(), checkQueue(c.Queue)...)
	if c.Path != "" && !filepath.IsAbs(c.Path) {
		all = append(all, fmt.Errorf("path: %q is not allowed; use a path from the root, or \"\" for off", c.Path))
	}
	switch c.Type {
	case EVEFile, EVEStream, EVEDgram:
	default:
		all = append(all, fmt.Errorf("type: %q is not allowed; use file, unix_stream or unix_dgram", string(c.Type)))
	}
	switch c.Flows {
	case EVEFlowsNone, EVEFlowsDetected, EVEFlowsAll:
	default:
		all = append(all, fmt.Errorf("flows: %q is not allowed; use none, detected or all", string(c.Flows)))
	}
	if c.MaxSize != 0 && (c.MaxSize < 1<<16 || c.MaxSize > 1<<40) {
		all = append(all, fmt.Errorf("max_size: %d is not allowed; use %d to %d bytes, or 0 for no rotation", c.MaxSize, 1<<16, int64(1)<<40))
	}
	if c.Keep < 1 || c.Keep > 1000 {
		all = append(all, fmt.Errorf("keep: %d is not allowed; use 1 to 1000", c.Keep))
	}
	if c.MaxFlows < 1024 || c.MaxFlows > 10_000_000 {
		all = append(all, fmt.Errorf("max_flows: %d is not allowed; use 1024 to 10000000", c.MaxFlows))
	}
	if c.StatsEvery != 0 && (c.StatsEvery < time.Second || c.StatsEvery > 24*time.Hour) {
		all = append(all, fmt.Errorf("stats_every: %v is not allowed; use \"1s\" to \"24h\", or \"0s\" for never", c.StatsEvery))
	}
	return all
}

// mode gives which flows are wanted; none where the output is off.
func (c EVEConfig) mode() flowsMode {
	switch {
	case c.Path == "":
		return flowsNone
	case c.Flows == EVEFlowsDetected:
		return flowsDetected
	case c.Flows == EVEFlowsAll:
		return flowsAll
	}
	return flowsNone
}

func (c EVEConfig) statsEvery() time.Duration {
	if c.Path == "" {
		return 0
	}
	return c.StatsEvery
}

func (c EVEConfig) spec(opt Options) spec {
	s := spec{
		name: "eve", to: c.Path, config: c, kinds: c.Kinds, queue: c.Queue, workers: 1,
		stats: c.StatsEvery > 0,
		open: func() (sink, error) {
			e := &eve{write: eveWriter{host: opt.Host, source: opt.Source}}
			if c.Type == EVEFile {
				e.to = &lineFile{path: c.Path, maxSize: c.MaxSize, keep: c.Keep}
			} else {
				e.to = &lineSocket{network: map[EVEType]string{EVEStream: "unix", EVEDgram: "unixgram"}[c.Type], path: c.Path}
			}
			return e, nil
		},
	}
	if c.mode() != flowsNone {
		s.flows = c.MaxFlows
	}
	return s
}

// lines is where JSON lines go. write takes whole lines, all or none of them as
// far as the receiver can tell. It belongs to one goroutine.
type lines interface {
	write(ctx context.Context, lines []byte) error
	close()
}

// eve tells items as EVE JSON lines.
type eve struct {
	write eveWriter
	to    lines
	buf   []byte
}

func (e *eve) deliver(ctx context.Context, it *item) error {
	b, err := e.write.append(e.buf[:0], it)
	if err != nil {
		return lost{err}
	}
	if e.buf = b; cap(b) > maxEVEBuffer {
		e.buf = nil
	}
	if len(b) == 0 {
		return nil
	}
	return e.to.write(ctx, b)
}

// maxEVEBuffer is how much of a buffer is kept for the next lines.
const maxEVEBuffer = 4 << 20

func (e *eve) close() { e.to.close() }

// append appends the lines of an item. A block is an alert and, where traffic is
// dropped, a drop; what Suricata has no event for is of the type slips.
func (w *eveWriter) append(b []byte, it *item) ([]byte, error) {
	var events []eveEvent
	switch {
	case it.flows != nil:
		for i := range it.flows {
			b = w.appendFlow(b, &it.flows[i], it.alerted)
		}
		return b, nil
	case it.stats != nil:
		events = append(events, w.stats(it.stats))
	case it.event == nil:
		return b, errors.New("nothing to tell")
	case it.event.Kind == history.KindAlert:
		events = append(events, w.alert(it))
	case it.event.Kind == history.KindBlock:
		if it.event.Detection != nil { // by hand there is nothing that alerted
			events = append(events, w.alert(it))
		}
		if blocks(it.event) {
			events = append(events, w.drop(it))
		}
		if len(events) == 0 {
			events = append(events, w.other(it))
		}
	default:
		events = append(events, w.other(it))
	}
	for _, e := range events {
		line, err := marshal(e)
		if err != nil {
			return b, fmt.Errorf("writing an event as EVE: %w", err)
		}
		b = append(append(b, line...), '\n')
	}
	return b, nil
}
