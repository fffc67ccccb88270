package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"slips-ips/agent"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/models"
)

// stage is one way of reading the file, in a process of its own.
type stage struct {
	name string
	// procs is how many cores it may use.
	procs int
	// goal is how many times as fast as ra it shall be; 0: there is none.
	goal float64
	what string
	run  func(in input) (uint64, error)
}

// input is what a stage works on.
type input struct {
	file   string
	models string
	out    io.Writer
}

var stages = []stage{
	{"decode", 1, 50, "our decoder, every record into a Record", decodeAll},
	{"print", 1, 10, "the same lines as ra, to /dev/null", printAll},
	{"detect", 1, 8, "decoder, letters and the reference scorer, each record a flow as for ra, one core", detectAll},
	{"joined", 1, 8, "the same with the records of a flow joined, one core", joinAll},
	{"replay", 2, 8, "slips-ips replay with the reference scorer, decisions too, two cores", replayAll},
}

// stageResult is what a stage tells of itself.
type stageResult struct {
	// Records is how many it read, management records among them.
	Records uint64 `json:"records"`
	// Mallocs is how many objects it put on the heap.
	Mallocs uint64 `json:"mallocs"`
}

// runStage runs a stage in this process.
func runStage(name string, in input) (stageResult, error) {
	for _, s := range stages {
		if s.name != name {
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := s.run(in)
		runtime.ReadMemStats(&after)
		return stageResult{Records: n, Mallocs: after.Mallocs - before.Mallocs}, err
	}
	return stageResult{}, fmt.Errorf("there is no stage %q", name)
}

// openArgus opens a file as the agent does.
func openArgus(path string) (*argusfeed.File, error) {
	f, format, err := argusfeed.Open(path)
	if err != nil {
		return nil, err
	}
	if format != argusfeed.FormatArgus {
		f.Close()
		return nil, fmt.Errorf("reading %s: it is no Argus stream but %v", path, format)
	}
	return f, nil
}

func eachRecord(in input, do func(*argusfeed.Record) error) (uint64, error) {
	f, err := openArgus(in.file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	a := argusfeed.NewArgus(f)
	var rec argusfeed.Record
	var n uint64
	for {
		if err := a.Next(&rec); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
		n++
		if do == nil {
			continue
		}
		if err := do(&rec); err != nil {
			return n, err
		}
	}
}

func decodeAll(in input) (uint64, error) { return eachRecord(in, nil) }

// printAll prints as ra does, its faults included, so that the two can be
// compared. ra flushes after every line; we do when a buffer is full.
func printAll(in input) (uint64, error) {
	const full = 64 << 10
	p := argusfeed.RaPrinter{RaFaults: true}
	b := append(p.AppendHeader(make([]byte, 0, full+4096)), '\n')
	n, err := eachRecord(in, func(rec *argusfeed.Record) error {
		before := len(b)
		if b = p.AppendRecord(b, rec); len(b) > before {
			b = append(b, '\n')
		}
		if len(b) < full {
			return nil
		}
		_, err := in.out.Write(b)
		b = b[:0]
		return err
	})
	if err == nil {
		_, err = in.out.Write(b)
	}
	return n, err
}

// detectionConfig is the default one but for the scorer.
func detectionConfig(in input) detection.Config {
	c := detection.DefaultConfig()
	c.Scoring, c.Models = detection.ScoringReference, in.models
	return c
}

// detectAll takes every record for a flow, as whoever reads ra does.
func detectAll(in input) (uint64, error) { return detect(in, argusfeed.Joining{Off: true}) }

// joinAll does what the agent does.
func joinAll(in input) (uint64, error) { return detect(in, argusfeed.Joining{}) }

// detect decodes and detects in turn, batch by batch.
func detect(in input, joining argusfeed.Joining) (uint64, error) {
	set, _, err := models.LoadDir(in.models)
	if err != nil {
		return 0, err
	}
	d, err := detection.New(detectionConfig(in), set, detection.Hooks{})
	if err != nil {
		return 0, err
	}
	f, err := openArgus(in.file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	dec := argusfeed.NewDecoder(argusfeed.FormatArgus, f, argusfeed.TextOptions{Joining: joining})
	batch := make([]argusfeed.Flow, 512)
	var n uint64
	for have := 0; ; {
		err := dec.Next(&batch[have])
		if err == nil {
			n++
			if have++; have < len(batch) {
				continue
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			if skip := (*argusfeed.SkipError)(nil); errors.As(err, &skip) {
				n++
				continue
			}
			return n, err
		}
		d.Observe(batch[:have])
		have = 0
		if err != nil {
			d.Finish()
			j := dec.Joined()
			return n + j.Merged + j.Strays, nil
		}
	}
}

// replayAll is what an admin would run.
func replayAll(in input) (uint64, error) {
	c := agent.DefaultConfig()
	c.Detection = detectionConfig(in)
	r, err := agent.Replay(context.Background(), agent.ReplayOptions{Config: c, Files: []string{in.file}})
	if err != nil {
		return 0, err
	}
	n := r.Flows + r.Joined.Merged + r.Joined.Strays
	for _, skipped := range r.Skipped {
		n += skipped
	}
	return n, nil
}

// devNull is where the lines of the stages go.
func devNull() (*os.File, error) { return os.OpenFile(os.DevNull, os.O_WRONLY, 0) }
