package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"slips-ips/agent/report"
)

// writeJSON prints v for programs and, indented, still for people.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// newTable makes a plain table: columns, no frames, readable over SSH.
func newTable(columns ...any) table.Writer {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	t.AppendHeader(columns)
	return t
}

// writeLine prints v as one line of JSON.
func writeLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// say prints a line for people; what comes from outside cannot harm the terminal.
func say(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintln(w, report.Plain(fmt.Sprintf(format, args...)))
	return err
}

// The colours of what is told to people.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// painter colours words where that is wanted.
type painter bool

func (p painter) paint(colour, s string) string {
	if !p || colour == "" {
		return s
	}
	return colour + s + plain
}
