package main

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"slips-ips/agent/report"
)

// column is one column of a list.
type column struct {
	name  string
	right bool // numbers
	// fit is cut where the terminal is too narrow for all, the last of them first;
	// tail keeps its end rather than its beginning.
	fit, tail bool
}

// columns is a list of rows, for people. Unlike a table of go-pretty it is made
// for a hundred thousand of them.
type columns struct {
	cols []column
	rows [][]string
}

func newColumns(cols ...column) *columns { return &columns{cols: cols} }

// add appends a row. What comes from outside cannot harm the terminal.
func (c *columns) add(cells ...string) {
	for i := range cells {
		cells[i] = report.Plain(cells[i])
	}
	c.rows = append(c.rows, cells)
}

// least is what is left of a column that is cut.
const least = 12

// write prints the list, no line longer than width unless width is 0 or too
// little for any.
func (c *columns) write(w io.Writer, width int) error {
	widths := make([]int, len(c.cols))
	for i, col := range c.cols {
		widths[i] = len(col.name)
		for _, row := range c.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	total := 0
	for _, n := range widths {
		total += n + 2
	}
	for i, col := range slices.Backward(c.cols) {
		if over := total - 2 - width; width > 0 && over > 0 && col.fit && widths[i] > least {
			cut := min(over, widths[i]-least)
			widths[i] -= cut
			total -= cut
		}
	}
	out := bufio.NewWriter(w)
	line := func(cell func(int) string) {
		blanks := 0 // put off: none at the end of a line
		for i, col := range c.cols {
			s := cut(cell(i), widths[i], col.tail)
			pad := widths[i] - utf8.RuneCountInString(s)
			if col.right {
				blanks, pad = blanks+pad, 0
			}
			if s != "" {
				_, _ = out.WriteString(strings.Repeat(" ", blanks))
				_, _ = out.WriteString(s)
				blanks = 0
			}
			blanks += pad + 2
		}
		_ = out.WriteByte('\n')
	}
	line(func(i int) string { return strings.ToUpper(c.cols[i].name) })
	for _, row := range c.rows {
		line(func(i int) string { return row[i] })
	}
	return out.Flush()
}

// cut shortens s to so many characters.
func cut(s string, width int, tail bool) string {
	n := utf8.RuneCountInString(s)
	if n <= width || width < 3 {
		return s
	}
	runes := []rune(s)
	if tail {
		return ".." + string(runes[n-width+2:])
	}
	return string(runes[:width-2]) + ".."
}
