//go:build !linux

package enforce

import (
	"time"
)

// kernel is there for the build only: openKernel gives none.
type kernel struct {
	unbound bool
	why     string
}

func openKernel(Config, int) (*kernel, error) { return nil, ErrUnsupported }

func (*kernel) inspect() (tableState, error)               { return tableAbsent, ErrUnsupported }
func (*kernel) rebuild(tableState, []element) error        { return ErrUnsupported }
func (*kernel) add([]element) error                        { return ErrUnsupported }
func (*kernel) del([]key) error                            { return ErrUnsupported }
func (*kernel) find([]key) (left []time.Duration, _ error) { return nil, ErrUnsupported }
func (*kernel) dump() ([]stored, error)                    { return nil, ErrUnsupported }
func (*kernel) remove() error                              { return ErrUnsupported }
func (*kernel) close() error                               { return nil }
