//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// terminalSize gives the columns and lines of a terminal, 0 where w is none.
func terminalSize(w any) (width, height int) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(size.Col), int(size.Row)
}
