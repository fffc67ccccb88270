package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// verify compares what we print with what ra prints, line by line, and gives the
// number of lines.
func (b *bench) verify(ctx context.Context) (lines uint64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	theirs, err := piped(b.raCommand(ctx))
	if err != nil {
		return 0, err
	}
	defer theirs.stop(cancel)
	var printing *stage
	for i := range stages {
		if stages[i].name == "print" {
			printing = &stages[i]
		}
	}
	cmd, err := b.stageCommand(ctx, printing)
	if err != nil {
		return 0, err
	}
	null, err := devNull()
	if err != nil {
		return 0, err
	}
	defer null.Close()
	cmd.ExtraFiles = append(cmd.ExtraFiles, null)
	ours, err := piped(cmd)
	if err != nil {
		return 0, err
	}
	defer ours.stop(cancel)
	n, err := sameLines(ours.lines, theirs.lines)
	if err != nil {
		return n, err
	}
	return n, errors.Join(ours.cmd.Wait(), theirs.cmd.Wait())
}

// output is a program whose lines are read.
type output struct {
	cmd   *exec.Cmd
	lines *bufio.Reader
}

func piped(cmd *exec.Cmd) (*output, error) {
	r, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &output{cmd: cmd, lines: bufio.NewReaderSize(r, 1<<18)}, cmd.Start()
}

func (o *output) stop(cancel func()) {
	if o.cmd.ProcessState == nil {
		cancel()
		_ = o.cmd.Wait() // it was killed
	}
}

// sameLines fails at the first line that differs.
func sameLines(ours, theirs *bufio.Reader) (n uint64, err error) {
	for {
		a, errA := ours.ReadSlice('\n')
		b, errB := theirs.ReadSlice('\n')
		if !bytes.Equal(a, b) {
			return n, fmt.Errorf("line %d differs from ra's:\n  ours %q\n  ra's %q", n+1, a, b)
		}
		if errA != nil || errB != nil {
			if errors.Is(errA, io.EOF) && errors.Is(errB, io.EOF) {
				return n, nil
			}
			return n, errors.Join(errA, errB)
		}
		n++
	}
}
