// Package models holds the behaviours that flows are compared with: the file
// format (TOML, one model a file), the set built into the program, and the
// import of the .stfm files of the original slips, without executing what
// those Python pickles ask for.
//
// It knows nothing of flows and imports no other package of this program. All
// of it is safe for concurrent use: a Model is never changed once loaded.
package models
