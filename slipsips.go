// Package slipsips holds slips.toml, so that the program can print it.
package slipsips

import _ "embed"

// DefaultConfig is slips.toml as shipped: every key with its default, unit and
// range.
//
//go:embed slips.toml
var DefaultConfig []byte
