package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// statusInterval is how often argus reports a flow that goes on, in seconds: so
// seldom that each connection is one flow, as in the captures that behaviours
// are known from.
const statusInterval = "3600"

// Argus has the real argus read a capture of packets and gives the name of a
// file with its records, in the folder dir. argus must be installed.
func Argus(ctx context.Context, dir string, conversations ...Conversation) (string, error) {
	pcap, records := filepath.Join(dir, "lab.pcap"), filepath.Join(dir, "lab.argus")
	f, err := os.Create(pcap)
	if err != nil {
		return "", fmt.Errorf("making traffic: %w", err)
	}
	err = WritePcap(f, conversations...)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", fmt.Errorf("making traffic: %w", err)
	}
	if err := os.Remove(records); err != nil && !os.IsNotExist(err) {
		return "", fmt.Errorf("making traffic: %w", err)
	}
	cmd := exec.CommandContext(ctx, "argus", "-X", "-S", statusInterval, "-r", pcap, "-w", records)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", errors.New("the program argus is not installed: apt install argus-server")
		}
		return "", fmt.Errorf("having argus read %s: %w: %s", pcap, err, strings.TrimSpace(said.String()))
	}
	return records, nil
}
