// Package models holds the behaviours that flows are compared with: the file
// format (TOML, one model a file), the set built into the program, and the
// import of the .stfm files of the original slips, without executing what
// those Python pickles ask for.
//
// A folder of models is read with LoadDir, the built-in set with Builtin, a
// single file with Read or ImportSTFM; Write writes the TOML format and Import
// converts .stfm files to it. A file is data from outside: whatever is in it,
// reading it needs bounded memory and time and ends in a valid model or an
// error that says what is allowed.
//
// The package compares nothing and decides nothing; it knows nothing of flows
// and imports no other package of this program. All of it is safe for
// concurrent use: a Model is never changed once loaded.
package models
