// Package history keeps what happened: detections, decisions, blocks and their
// ends, episodes of the feeds and what admins changed.
package history
