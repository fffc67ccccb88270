package models

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// lettersPerLine and portsPerLine keep files readable in a terminal.
const (
	lettersPerLine = 78
	portsPerLine   = 12
)

// Write writes a model in the TOML format, so that Read gives the same model
// again. A model that is not valid is not written. The name of the file is not
// in the file.
func Write(w io.Writer, m Model) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("write model %s: %w", quoted(m.Label), err)
	}
	var b bytes.Buffer
	text := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s = %s\n", key, tomlString(value))
		}
	}
	text("label", m.Label)
	text("class", string(m.Class))
	text("protocol", m.Proto)
	text("kind", string(m.Kind))
	text("licence", m.Licence)
	if m.Kind == KindLetters || m.Letters != "" {
		fmt.Fprintf(&b, "threshold = %s\n", number(m.Threshold))
		writeLetters(&b, m.Letters)
	}
	if m.Behaviour != nil {
		writeBehaviour(&b, m.Behaviour)
	}
	if m.Data != "" || m.Tool != "" || !m.Learned.IsZero() {
		b.WriteString("\n[provenance]\n")
		text("data", m.Data)
		text("tool", m.Tool)
		if !m.Learned.IsZero() {
			fmt.Fprintf(&b, "learned = %s\n", m.Learned.UTC().Format("2006-01-02"))
		}
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write model %s: %w", quoted(m.Label), err)
	}
	return nil
}

func writeLetters(b *bytes.Buffer, letters string) {
	if len(letters) <= lettersPerLine {
		fmt.Fprintf(b, "letters = '%s'\n", letters)
		return
	}
	b.WriteString("letters = '''\n")
	for len(letters) > 0 {
		n := min(lettersPerLine, len(letters))
		b.WriteString(letters[:n] + "\n")
		letters = letters[n:]
	}
	b.WriteString("'''\n")
}

func writeBehaviour(b *bytes.Buffer, l *Behaviour) {
	b.WriteString("\n[behaviour]\n")
	fmt.Fprintf(b, "min_contacts = %d\n", l.MinContacts)
	fmt.Fprintf(b, "merge = %q\n", duration(l.Merge))
	fmt.Fprintf(b, "min_gap = %q\n", duration(l.MinGap))
	fmt.Fprintf(b, "max_gap = %q\n", duration(l.MaxGap))
	fmt.Fprintf(b, "max_gap_spread = %s\n", number(l.MaxGapSpread))
	fmt.Fprintf(b, "max_size_spread = %s\n", number(l.MaxSizeSpread))
	if l.MinSize > 0 {
		fmt.Fprintf(b, "min_size = %d\n", l.MinSize)
	}
	if l.MaxSize > 0 {
		fmt.Fprintf(b, "max_size = %d\n", l.MaxSize)
	}
	if l.Evidence != Decisive {
		fmt.Fprintf(b, "evidence = %s\n", number(l.Evidence))
	}
	writePorts(b, "ports", l.Ports)
	writePorts(b, "not_ports", l.NotPorts)
	if len(l.Destinations) > 0 {
		b.WriteString("destinations = [\n")
		for _, p := range l.Destinations {
			fmt.Fprintf(b, "    %q,\n", p)
		}
		b.WriteString("]\n")
	}
}

func writePorts(b *bytes.Buffer, key string, ports []uint16) {
	if len(ports) == 0 {
		return
	}
	fmt.Fprintf(b, "%s = [", key)
	for i, port := range ports {
		if i%portsPerLine == 0 {
			b.WriteString("\n   ")
		}
		fmt.Fprintf(b, " %d,", port)
	}
	b.WriteString("\n]\n")
}

// tomlString quotes plain text as a TOML string: it has no control characters.
func tomlString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
