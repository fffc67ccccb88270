// Package systemd tells systemd how the agent is: ready, reloading, stopping, a
// line for `systemctl status`, and that it moves.
//
// The watchdog is fed by the pipeline's progress and not by a timer: an agent
// whose stages are stuck looks alive to a timer, while nothing is detected or
// blocked. So [Notifier.Watch] sends WATCHDOG=1 only after a ping has been
// through all stages. Without systemd nothing is sent, and a stuck stage is told
// in the log all the same.
//
// [Starts] has an agent whose starts fail wait longer each time.
//
// # Concurrency
//
// A [Notifier] is safe for concurrent use; Watch and Report run in a goroutine
// of their own each, until their context ends.
package systemd
