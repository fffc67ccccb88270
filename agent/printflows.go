package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"slips-ips/argusfeed"
)

// PrintOptions say which flows are printed, and how.
type PrintOptions struct {
	// Files are printed one after the other below one header; - is standard
	// input.
	Files []string
	// Fields are the columns, those of our ra.conf if there are none.
	Fields []argusfeed.RaField
	// RaFaults prints the durations of an Argus stream as ra does, in single
	// precision.
	RaFaults bool
	Out      io.Writer
	Log      *slog.Logger
}

// printBuffer is how much is written at once, where so much is there.
const printBuffer = 64 << 10

// PrintFlows prints every record of stored flows as ra does with our ra.conf:
// management rows as well, status records one by one. Of text it prints the
// flows. Nothing is detected, joined or decided. It ends early when ctx does.
func PrintFlows(ctx context.Context, opt PrintOptions) error {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	p := &flowPrinter{opt: opt, printer: argusfeed.RaPrinter{Fields: opt.Fields, RaFaults: opt.RaFaults}}
	for _, file := range opt.Files {
		if err := p.file(ctx, file); err != nil {
			return err
		}
	}
	if _, bad := p.skips.Total(); bad > 0 && !p.begun {
		return fmt.Errorf("the input has no flow: all its %d lines were skipped", bad)
	}
	return nil
}

// flowPrinter is one run of PrintFlows.
type flowPrinter struct {
	opt     PrintOptions
	printer argusfeed.RaPrinter
	skips   argusfeed.SkipCounter
	begun   bool // the header is there
	out     []byte
}

// file prints one file to its end. What stands before an error is printed.
func (p *flowPrinter) file(ctx context.Context, path string) error {
	f, format, err := open(ctx, path)
	if f == nil {
		return err // nil where ctx ended before the file said anything
	}
	defer f.Close()
	input := argusfeed.Interruptible(ctx, f)
	defer input.Close()
	if format == argusfeed.FormatArgus {
		err = p.argus(path, argusfeed.NewArgus(input))
	} else {
		err = p.text(path, argusfeed.NewText(input, argusfeed.TextOptions{}))
	}
	if errors.Is(err, io.EOF) || err != nil && ctx.Err() != nil {
		err = nil
	}
	if werr := p.write(); werr != nil {
		return werr
	}
	if err != nil {
		return fmt.Errorf("printing %s: %w", path, err)
	}
	return nil
}

// argus prints records until there is an error, which io.EOF is too. It does
// without a Decoder: that one is for flows, here each record is wanted.
func (p *flowPrinter) argus(path string, a *argusfeed.Argus) error {
	var rec argusfeed.Record
	for number := uint64(1); ; number++ {
		if err := p.room(a.Ready()); err != nil {
			return err
		}
		if err := a.Next(&rec); err != nil {
			return err
		}
		if rec.Kind == argusfeed.KindOther {
			tellSkipped(p.opt.Log, &p.skips, path, &argusfeed.SkipError{
				Line: number, Kind: argusfeed.SkipRecord, Reason: "a record that is no flow",
			})
			continue
		}
		p.header()
		p.out = append(p.printer.AppendRecord(p.out, &rec), '\n')
	}
}

// text prints flows until there is an error, which io.EOF is too.
func (p *flowPrinter) text(path string, t *argusfeed.Text) error {
	var f argusfeed.Flow
	for {
		if err := p.room(t.Buffered()); err != nil {
			return err
		}
		if err := t.Next(&f); err != nil {
			if skip, ok := errors.AsType[*argusfeed.SkipError](err); ok {
				tellSkipped(p.opt.Log, &p.skips, path, skip)
				continue
			}
			return err
		}
		p.header()
		p.out = append(p.printer.AppendFlow(p.out, &f), '\n')
	}
}

// header begins the output, above the first line as with ra: an input without
// any record prints nothing.
func (p *flowPrinter) header() {
	if !p.begun {
		p.begun = true
		p.out = append(p.printer.AppendHeader(p.out), '\n')
	}
}

// room writes what there is when it is enough, or when more may not come for a
// while: ready says that the next record is there already.
func (p *flowPrinter) room(ready bool) error {
	if len(p.out) < printBuffer && (ready || len(p.out) == 0) {
		return nil
	}
	return p.write()
}

func (p *flowPrinter) write() error {
	if len(p.out) == 0 {
		return nil
	}
	_, err := p.opt.Out.Write(p.out)
	p.out = p.out[:0]
	if err != nil {
		return fmt.Errorf("writing the flows: %w", err)
	}
	return nil
}
