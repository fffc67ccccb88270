package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"slips-ips/argusfeed"
)

// mixVersion changes with the traffic, so that files of an older one are made
// anew.
const mixVersion = 1

// argusConf is what argus is told: what matters of packaging/argus.conf, without its
// port and its user.
const argusConf = `ARGUS_FLOW_TYPE="Bidirectional"
ARGUS_FLOW_KEY="CLASSIC_5_TUPLE"
ARGUS_FLOW_STATUS_INTERVAL=5
ARGUS_MAR_STATUS_INTERVAL=10
ARGUS_CAPTURE_DATA_LEN=0
ARGUS_SET_PID=no
`

// recorded gives a file with that many flow records and the management records
// between them, made by a real argus; from the folder cache where it is there.
func recorded(ctx context.Context, cache, mix string, seed uint64, flows int, log io.Writer) (string, error) {
	path := filepath.Join(cache, fmt.Sprintf("mix%d-seed%d-%d.argus", mixVersion, seed, flows))
	if mix != mixes[0] {
		path = filepath.Join(cache, fmt.Sprintf("%s%d-seed%d-%d.argus", mix, mixVersion, seed, flows))
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("making the folder for the recorded flows: %w", err)
	}
	fmt.Fprintf(log, "recording %d flows with argus in %s ...\n", flows, path)
	if err := record(ctx, path, mix, seed, flows); err != nil {
		return "", fmt.Errorf("recording %s: %w", path, err)
	}
	return path, nil
}

// record streams made packets through argus until it has told of enough flows.
func record(ctx context.Context, path, mix string, seed uint64, flows int) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conf, err := os.CreateTemp("", "flowbench-argus-*.conf")
	if err != nil {
		return err
	}
	defer os.RemoveAll(conf.Name())
	if _, err := conf.WriteString(argusConf); err != nil {
		return err
	}
	if err := conf.Close(); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "recording-*")
	if err != nil {
		return err
	}
	defer func() {
		file.Close()
		if err != nil {
			os.RemoveAll(file.Name())
		}
	}()

	cmd := exec.CommandContext(ctx, "argus", "-X", "-F", conf.Name(), "-r", "-", "-w", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		defer in.Close()
		sent <- send(ctx, in, mix, seed)
	}()
	end, took := take(out, file, flows)
	cancel() // argus would go on as long as there are packets
	sending := <-sent
	_ = cmd.Wait() // it was killed
	if took != nil {
		return errors.Join(took, sending)
	}
	if err := file.Truncate(end); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// send writes packets until nobody reads them any more.
func send(ctx context.Context, w io.Writer, mix string, seed uint64) error {
	b := bufio.NewWriterSize(w, 1<<20)
	p, err := newPcapWriter(b)
	t := newTraffic(seed, mix)
	var k packet
	for err == nil && ctx.Err() == nil {
		at := t.next(&k)
		err = p.write(at, &k)
	}
	if ctx.Err() != nil || errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// take copies the stream until it has told of enough flows, and gives the length
// of the stream up to there.
func take(r io.Reader, file io.Writer, flows int) (end int64, err error) {
	b := bufio.NewWriterSize(file, 1<<20)
	a := argusfeed.NewArgus(io.TeeReader(r, b))
	var rec argusfeed.Record
	for a.Counts().Flows < uint64(flows) {
		if err := a.Next(&rec); err != nil {
			return 0, fmt.Errorf("argus told of %d flows: %w", a.Counts().Flows, err)
		}
	}
	return a.Offset(), b.Flush()
}
