package terminal

// list is a part of the rows that the agent has, and where in all of them the
// screen is. Rows are counted from 0, in the agent's order.
type list[T any] struct {
	rows  []T
	first int // the row that rows begins with
	total int
	// top is the first row on the screen, cursor the selected one.
	top, cursor int
	// follows is the row that the cursor stays on while the order changes; empty: it
	// stays where it is.
	follows string
	key     func(*T) string
	known   bool // an answer was there
	failed  string
}

// row gives a row, or nil where it was not asked for.
func (l *list[T]) row(i int) *T {
	if i < l.first || i >= l.first+len(l.rows) {
		return nil
	}
	return &l.rows[i-l.first]
}

// selected gives the row under the cursor, or nil.
func (l *list[T]) selected() *T { return l.row(l.cursor) }

// move moves the cursor on a screen of that many rows.
func (l *list[T]) move(by, height int) {
	l.cursor += by
	l.clamp(height)
	l.follow()
}

// follow keeps to the row under the cursor, but for the very first place: who
// stands there wants to see what comes first.
func (l *list[T]) follow() {
	l.follows = ""
	if r := l.selected(); r != nil && l.cursor > 0 {
		l.follows = l.key(r)
	}
}

// clamp keeps the cursor among the rows, and on the screen.
func (l *list[T]) clamp(height int) {
	height = max(height, 1)
	l.cursor = max(0, min(l.cursor, l.total-1))
	l.top = max(0, min(l.top, l.total-height))
	l.top = max(min(l.top, l.cursor), l.cursor-height+1)
}

// wanted tells which rows to ask for: those of the screen, and as many before and
// after.
func (l *list[T]) wanted(height int) (offset, limit int) {
	height = max(height, 1)
	offset = max(0, l.top-height)
	return offset, min(3*height, maxRows)
}

// maxRows is the most rows that are asked for at once.
const maxRows = 1000

// lacks tells whether a row on the screen was not asked for.
func (l *list[T]) lacks(height int) bool {
	return l.top < l.total && l.row(l.top) == nil || l.row(min(l.top+height, l.total)-1) == nil && l.total > 0
}

// take puts an answer in the place of the one before.
func (l *list[T]) take(rows []T, first, total, height int) {
	l.rows, l.first, l.total, l.known, l.failed = rows, first, total, true, ""
	if l.follows != "" {
		found := false
		for i := range rows {
			if l.key(&rows[i]) == l.follows {
				l.cursor, found = first+i, true
				break
			}
		}
		if !found {
			l.follows = ""
		}
	}
	l.clamp(height)
}

// reset goes back to the beginning, as for another filter.
func (l *list[T]) reset() {
	l.rows, l.first, l.total, l.top, l.cursor, l.follows, l.known, l.failed = nil, 0, 0, 0, 0, "", false, ""
}
