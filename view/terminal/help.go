package terminal

// helpText explains the keys and the signs.
func helpText(width int) []line {
	t := &teller{width: width}
	t.lines = append(t.lines, words(bold, "keys"))
	for _, k := range []struct{ key, does string }{
		{"1 to 5", "blocks, alerts, tuples, what is allowed, health; also tab, left and right"},
		{"up, down", "select; also j, k, page up and down, home, end"},
		{"enter", "why: all that is known of the selected tuple"},
		{"u", "lift the block that stops what is selected; in 4, end an entry"},
		{"a", "never block an address or network: with a comment and an end"},
		{"b", "block by hand: a tuple, all between two addresses, a destination or a source"},
		{"/", "show only: 10.0.0.7, 203.0.113.0/24, label:zeus, flows:50, or a part of a tuple (10.0.0.?-*-443-tcp). Alerts know addresses and labels, blocks addresses and tuples"},
		{"esc", "back; then all again"},
		{"s", "another order of tuples: score, last, flows, detections"},
		{"d", "tuples: detected ones only; alerts: all kinds of events"},
		{"+ -", "draw oftener, or more rarely"},
		{"r", "ask the agent now"},
		{"ctrl+l", "draw all of the screen again"},
		{"q", "back, and out"},
	} {
		t.tell(base, k.key, "%s", k.does)
	}
	t.lines = append(t.lines, line{}, words(bold, "signs"))
	t.tell(red, "blocked", "the kernel has the block and drops its packets")
	t.tell(redBold, "MISSING", "it should be blocked and the kernel does not have it: see 5")
	t.tell(yellow, "would", "dry-run: it would be blocked, and is not")
	t.tell(yellow, "detected", "looks like malware; the policy did not block it (enter says why)")
	t.lines = append(t.lines, line{}, words(bold, "letters, one a flow, the newest last; new ones are underlined"))
	t.lines = append(t.lines, legend())
	for _, s := range []string{
		"Within nine letters the size grows in threes (up to 250 bytes, 1100, more) and in each the duration (up to 0.1 s, 10 s, more).",
		"Behind a letter the gap before it: . up to 5 s, comma up to 60 s, + up to 5 minutes, * up to an hour; 0 is an hour of silence.",
	} {
		for _, w := range wrap(s, width) {
			t.lines = append(t.lines, words(base, w))
		}
	}
	return t.lines
}
