package terminal

import "fmt"

// column is one column of a list.
type column struct {
	name  string
	width int
	right bool
	tuple bool // is cut in the middle
}

// cell is what stands in a column; cells that are coloured in parts are lines.
type cell = line

// between lies between columns, mark before the first one.
const between, mark = 1, 2

// drawList draws the part of a list that is on the screen.
func drawList[T any](m *model, l *list[T], height int, columns []column, row func(*T) []cell, empty string) []string {
	names := words(base, "  ")
	for i, c := range columns {
		if i > 0 {
			names.add(base, " ")
		}
		names.add(faint, fit(c.name, c.width, c.right))
	}
	lines := []string{names.render(m.width)}
	for i := range height {
		at := l.top + i
		r := l.row(at)
		switch {
		case l.failed != "" && i == 0:
			lines = append(lines, words(red, plain(l.failed)).render(m.width))
		case !l.known && m.gone == nil && i == 0:
			lines = append(lines, words(faint, "  asking the agent ...").render(m.width))
		case l.known && l.total == 0 && i == 0:
			lines = append(lines, words(faint, "  "+empty).render(m.width))
		case r == nil && at < l.total:
			lines = append(lines, words(faint, "  ...").render(m.width))
		case r == nil || l.failed != "":
			lines = append(lines, "")
		case at == l.cursor:
			lines = append(lines, together("> ", columns, row(r)).flat(selected, m.width))
		default:
			lines = append(lines, together("  ", columns, row(r)).render(m.width))
		}
	}
	return lines
}

// together puts cells into their columns.
func together(begin string, columns []column, cells []cell) line {
	l := words(base, begin)
	for i, c := range columns {
		if i > 0 {
			l.add(base, " ")
		}
		width := cells[i].width()
		if last := len(columns) - 1; i == last-1 && width > c.width && cells[last].width() == 0 {
			c.width += between + columns[last].width // nothing is in the way
		}
		pad := fmt.Sprintf("%*s", max(0, c.width-width), "")
		if c.right {
			l.add(base, pad)
		}
		if width <= c.width {
			l = append(l, cells[i]...)
		} else { // one part, which is cut
			shorten := cut
			if c.tuple {
				shorten = cutMiddle
			}
			l.add(cells[i][0].style, shorten(textOf(cells[i]), c.width))
		}
		if !c.right && i < len(columns)-1 {
			l.add(base, pad)
		}
	}
	return l
}

// share divides what is left of the width: the tuple gets what the longest one has
// needed so far, the last column the rest, at least last.
func (m *model) share(columns []column, tuple int, last int) []column {
	left := m.width - mark
	for _, c := range columns {
		left -= c.width + between
	}
	need := max(28, m.longest)
	end := len(columns) - 1
	columns[tuple].tuple = true
	columns[tuple].width = max(10, min(need, left-last+columns[tuple].width))
	columns[end].width = max(0, m.width-mark-widths(columns[:end]))
	return columns
}

// widths is what columns and what lies behind them take.
func widths(columns []column) int {
	n := 0
	for _, c := range columns {
		n += c.width + between
	}
	return n
}

// long remembers how wide the widest tuple was: columns that shrink again would be
// drawn anew.
func (m *model) long(tuple string) { m.longest = max(m.longest, widthOf(plain(tuple))) }

func one(style look, text string) cell { return words(style, text) }

// wideScreen is from where on there is room for one more column.
const wideScreen = 120

// narrow tells that there is room for what a row is about and little more.
func (m *model) narrow() bool { return m.width < 76 }
