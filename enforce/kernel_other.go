//go:build !linux

package enforce

import "time"

// kernel is there for the build only: openKernel gives none.
type kernel struct {
	unbound, counting, guarded, growing bool
	why                                 string
	guards                              guards
	present                             []struct{}
}

func openKernel(Config, int) (*kernel, error) { return nil, ErrUnsupported }

func (*kernel) inspect() (tableState, error)        { return tableAbsent, ErrUnsupported }
func (*kernel) rebuild(tableState, []element) error { return ErrUnsupported }
func (*kernel) mendChains([]struct{}) error         { return ErrUnsupported }
func (*kernel) setGuards() error                    { return ErrUnsupported }
func (*kernel) need([]element)                      {}
func (*kernel) own() error                          { return ErrUnsupported }
func (*kernel) claim() error                        { return ErrUnsupported }
func (*kernel) listen(int, func()) error            { return ErrUnsupported }
func (*kernel) listening() bool                     { return false }
func (*kernel) notice() noticed                     { return noticed{} }
func (*kernel) proven() bool                        { return false }
func (*kernel) add([]element) error                 { return ErrUnsupported }
func (*kernel) del([]element) error                 { return ErrUnsupported }
func (*kernel) find([]key) ([]time.Duration, error) { return nil, ErrUnsupported }
func (*kernel) dump() ([]stored, error)             { return nil, ErrUnsupported }
func (*kernel) remove() error                       { return ErrUnsupported }
func (*kernel) close() error                        { return nil }

func (*kernel) adopts([setKinds]int, bool)                {}
func forgetConnections(int, map[key]bool) (uint64, error) { return 0, ErrUnsupported }
