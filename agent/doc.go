// Package agent runs the pipeline: it reads slips.toml, wires the stages
//
//	feeds -> detect -> decide and enforce -> report
//
// and owns their life cycle. It is the only package, with the commands, that
// sees all the others.
//
// Each stage is a goroutine under one errgroup; the sole sender of a channel
// closes it. There are two contexts: the stop context reaches only the feeds,
// so that what was accepted is detected, decided, applied and reported before
// the program ends; the group's context, ended by the first stage that fails,
// guards every send. Slow detection holds the feeds back; decisions are never
// dropped.
package agent
