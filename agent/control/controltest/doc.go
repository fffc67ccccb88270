// Package controltest is test equipment: a control.Backend that is all in
// memory, with made-up contents that are the same each time.
package controltest
