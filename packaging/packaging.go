// Package packaging holds the files that come with the program, so that what is
// installed and what the program uses by itself are the same.
package packaging

import _ "embed"

// ArgusConf is argus.conf: an Argus that suits the program.
//
//go:embed argus.conf
var ArgusConf string

// RaConf is ra.conf: what ra must print for the program.
//
//go:embed ra.conf
var RaConf string
