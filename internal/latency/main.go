//go:build linux

// Command latency measures how long after the end of a TCP connection the agent
// detects it, on several feeds of the same traffic side by side: the agent's own
// argus, the stream of an argus with the shipped argus.conf, and the same argus
// through ra and a pipe. Client, router and server are network namespaces.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	binary := flag.String("binary", "bin/slips-ips", "the agent to measure")
	n := flag.Int("connections", 150, "how many connections are made, one after the other")
	asJSON := flag.Bool("json", false, "print the result as JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute+time.Duration(*n)*2*time.Second)
	defer cancel()
	results, err := measure(ctx, *binary, *n)
	if err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
	if *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(results); err != nil {
			os.Exit(1)
		}
		return
	}
	fmt.Printf("From the end of a TCP connection to its detection, seconds (%d connections of 0 to 0.8 s):\n", *n)
	fmt.Printf("%-44s %6s %8s %8s %8s\n", "feed", "n", "median", "p99", "max")
	for _, r := range results {
		fmt.Printf("%-44s %6d %8.3f %8.3f %8.3f\n", r.Feed, r.Detected, r.Median, r.P99, r.Max)
	}
}
