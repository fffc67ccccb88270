// Package agent runs the pipeline: it reads slips.toml, wires the stages
//
//	feeds -> detect -> decide and enforce -> events -> history, reports, followers
//
// and owns their life cycle. It is the only package, with the commands, that
// sees all the others.
//
// Each stage is a goroutine under one errgroup; the sole sender of a channel
// closes it. There are two contexts: the stop context reaches only the feeds,
// so that what was accepted is detected, decided, applied and told before the
// program ends; the group's context, ended by the first stage that fails,
// guards every send. Slow detection holds the feeds back; decisions are never
// dropped.
//
// Beside the pipeline run what looks on and serves: the control socket
// (operator*.go answer it), metrics, the watch over the kernel and the feeds,
// systemd's watchdog. Nothing of it holds the pipeline up:
//
//   - The detector and the decider belong to their goroutines. Who wants something
//     of them asks for it (calls.go), and it is done between two batches, in steps
//     of a fraction of a millisecond.
//   - Status (statusof.go) asks no stage: it reads what the stages leave behind.
//   - An event (events.go) is handed to queues that are never waited for.
//
// A reload (reload.go) prepares everything, which is where it may fail, and then
// puts it in force stage by stage.
package agent
