package enforce

import "errors"

// Errors that callers may ask for with errors.Is. Errors of the kernel keep
// their syscall.Errno.
var (
	// ErrRefused: such a block must not be, or could not be matched by the
	// kernel. The text says why.
	ErrRefused = errors.New("the block is refused")
	// ErrFull: [enforce] max_blocks blocks are kept already.
	ErrFull = errors.New("too many blocks (enforce.max_blocks)")
	// ErrForeignTable: a table of our name exists that we did not make.
	ErrForeignTable = errors.New("the nftables table is not ours")
	// ErrUnconfirmed: the kernel took the block and yet does not have it.
	ErrUnconfirmed = errors.New("the kernel does not confirm the block")
	// ErrUnsupported: this system has no nftables. Dry-run works.
	ErrUnsupported = errors.New("enforcement needs Linux with nftables")
	// ErrNotCounted: in dry-run without [enforce] count nothing is counted.
	ErrNotCounted = errors.New("nothing is counted in dry-run without enforce.count")
	// ErrPaused: Pause was called, and Resume was not.
	ErrPaused = errors.New("blocking is paused")
	// ErrInUse: another process enforces the table.
	ErrInUse = errors.New("enforce: another slips-ips enforces the table")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("the enforcer is closed")

	// errChanged: the ruleset is not the one that was compared last.
	errChanged = errors.New("another program changes the ruleset at the same time")
	// errPresent: an element that was to be new is there already.
	errPresent = errors.New("an element is there already")
)
