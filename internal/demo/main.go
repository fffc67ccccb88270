//go:build linux

// Command demo shows slips-ips at work, in network namespaces of its own: a
// client beacons through a router to a server; an argus that the agent starts on
// the router feeds it, or with -pipe a real argus and a real ra; the beacon is detected, confirmed and dropped, and
// all else keeps working. Each step says what it proves; one that fails ends
// the command with exit status 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	binary := flag.String("binary", "bin/slips-ips", "the program to show")
	mode := flag.String("mode", "enforce", "enforce, dry-run or detect-off")
	pipe := flag.Bool("pipe", false, "feed the agent through ra and a pipe, as the original was, not by an argus of its own")
	look := flag.String("look", "", "in enforce mode: when the beacon is blocked, run this command, which finds the agent's control socket in SLIPS_SOCKET, and then end")
	verbose := flag.Bool("v", false, "show what the agent prints")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	d := &demo{binary: *binary, mode: *mode, pipe: *pipe, look: *look, verbose: *verbose, out: os.Stdout}
	if err := d.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "the demonstration failed:", err)
		os.Exit(1)
	}
}
