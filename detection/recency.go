package detection

// recency is a list of tuples, the one with the newest flow first.
type recency struct {
	head, tail tupleID
	n          int
}

func (tt *tupleTable) push(l *recency, t *tuple) {
	t.prev, t.next = 0, l.head
	if h := tt.at(l.head); h != nil {
		h.prev = t.id
	} else {
		l.tail = t.id
	}
	l.head = t.id
	l.n++
}

func (tt *tupleTable) remove(l *recency, t *tuple) {
	if p := tt.at(t.prev); p != nil {
		p.next = t.next
	} else {
		l.head = t.next
	}
	if n := tt.at(t.next); n != nil {
		n.prev = t.prev
	} else {
		l.tail = t.prev
	}
	t.prev, t.next = 0, 0
	l.n--
}

// refresh puts t, which has a new flow, at the head of its list.
func (tt *tupleTable) refresh(t *tuple) {
	if l := &tt.lists[t.tier]; l.head != t.id {
		tt.remove(l, t)
		tt.push(l, t)
	}
}
