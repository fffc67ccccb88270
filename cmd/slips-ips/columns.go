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
	extra     bool // left out where that is not enough, the last of them first
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

// layout gives the columns that are shown, and how wide each is: where the
// terminal is too narrow, first what may be cut is cut, then what may be left out
// is left out.
func (c *columns) layout(width int) (shown, widths []int) {
	full := make([]int, len(c.cols))
	for i, col := range c.cols {
		full[i] = len(col.name)
		for _, row := range c.rows {
			full[i] = max(full[i], utf8.RuneCountInString(row[i]))
		}
		shown = append(shown, i)
	}
	for {
		widths = slices.Clone(full)
		over := -between - width
		for _, i := range shown {
			over += widths[i] + between
		}
		for _, i := range slices.Backward(shown) {
			if width > 0 && over > 0 && c.cols[i].fit && widths[i] > least {
				less := min(over, widths[i]-least)
				widths[i] -= less
				over -= less
			}
		}
		extra := -1
		for n, i := range shown {
			if c.cols[i].extra {
				extra = n
			}
		}
		if width <= 0 || over <= 0 || extra < 0 {
			return shown, widths
		}
		shown = slices.Delete(shown, extra, extra+1)
	}
}

// between is what lies between columns.
const between = 2

// write prints the list for a terminal of that width; 0 is none.
func (c *columns) write(w io.Writer, width int) error {
	shown, widths := c.layout(width)
	out := bufio.NewWriter(w)
	line := func(cell func(int) string) {
		blanks := 0 // put off: none at the end of a line
		for _, i := range shown {
			s := cut(cell(i), widths[i], c.cols[i].tail)
			pad := widths[i] - utf8.RuneCountInString(s)
			if c.cols[i].right {
				blanks, pad = blanks+pad, 0
			}
			if s != "" {
				_, _ = out.WriteString(strings.Repeat(" ", blanks))
				_, _ = out.WriteString(s)
				blanks = 0
			}
			blanks += pad + between
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
