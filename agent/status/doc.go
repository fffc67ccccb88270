// Package status has the types that say how the agent is at one moment: what
// the control socket answers, metrics export and reports repeat. It computes
// nothing.
package status
