package report

import (
	"strconv"
	"strings"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
)

// maxCEFValue bounds a value: extensions of CEF have at most 1023 characters in
// their fields, and a syslog message should fit into a datagram.
const maxCEFValue = 1023

// cef writes an event in ArcSight's Common Event Format, version 0, on one line:
//
//	CEF:0|vendor|product|version|signature|name|severity|key=value key=value
//
// The signature is the kind of the event: signatures are few, labels are in cs1.
func cef(it *item, version string) string {
	e := it.event
	var b strings.Builder
	b.WriteString("CEF:0|slips-ips|slips-ips")
	for _, field := range []string{version, string(e.Kind), cefName(e), strconv.Itoa(cefSeverity(e))} {
		b.WriteByte('|')
		b.WriteString(cefHeader(field))
	}
	b.WriteByte('|')
	first := true
	set := func(key, value string) {
		if value == "" {
			return
		}
		if !first {
			b.WriteByte(' ')
		}
		first = false
		b.WriteString(key)
		b.WriteByte('=')
		b.WriteString(cefValue(value))
	}
	custom := func(key, label, value string) {
		if value != "" {
			set(key+"Label", label)
			set(key, value)
		}
	}
	set("rt", strconv.FormatInt(e.Time.UnixMilli(), 10))
	set("externalId", e.ID)
	if t, ok := tupleOf(e); ok {
		// src and dst take IPv4 addresses alone, and names have keys of their own.
		for _, end := range []struct {
			addr                 argusfeed.Addr
			v4, v6, label, named string
		}{
			{t.Src, "src", "c6a2", "Source IPv6 Address", "shost"},
			{t.Dst, "dst", "c6a3", "Destination IPv6 Address", "dhost"},
		} {
			switch ip, ok := end.addr.IP(); {
			case !ok:
				set(end.named, end.addr.String())
			case ip.Is4():
				set(end.v4, ip.String())
			default:
				custom(end.v6, end.label, ip.String())
			}
		}
		if n, ok := t.Port.Number(); ok {
			set("dpt", strconv.Itoa(int(n)))
		}
		set("proto", strings.ToUpper(t.Proto.String()))
	}
	set("act", cefAction(e))
	set("outcome", map[bool]string{true: "failure"}[e.Error != ""])
	set("msg", it.text())
	custom("cs1", "Label", labelOf(e))
	if d := e.Decision; d != nil {
		set("reason", d.Reason)
		custom("cs2", "Rule", d.Rule)
	}
	if t, ok := tupleOf(e); ok {
		custom("cs3", "Tuple", t.String())
	}
	if d := e.Detection; d != nil {
		custom("cs4", "Letters", newestLetters(d.Letters))
		custom("cfp1", "Score", strconv.FormatFloat(finite(d.Score), 'f', 4, 64))
		custom("cn2", "Flows", strconv.FormatUint(d.Flows, 10))
	}
	if e.Block != nil {
		custom("cn1", "Seconds", strconv.FormatInt(int64(e.Block.Duration/time.Second), 10))
		custom("cs6", "End", string(e.Block.End))
	}
	custom("cs5", "Mode", e.Mode)
	if e.By != nil {
		set("suser", e.By.User)
	}
	if it.held.Count > 0 {
		set("cnt", strconv.FormatUint(it.held.Count+1, 10))
	}
	return b.String()
}

func cefName(e *history.Event) string {
	switch {
	case e.Kind == history.KindBlock && e.Error != "":
		return "Block failed"
	case e.Kind == history.KindBlock && dryRun(e):
		return "Would block"
	case e.Kind == history.KindBlock:
		return "Blocked"
	case e.Kind == history.KindAlert:
		return "Alert"
	case e.Kind == history.KindLift:
		return "Block lifted"
	case e.Kind == history.KindFeed:
		return "Feed"
	case e.Kind == history.KindChange:
		return "Configuration changed"
	}
	return "Agent"
}

func cefAction(e *history.Event) string {
	switch {
	case blocks(e):
		return "blocked"
	case e.Kind == history.KindBlock, e.Kind == history.KindAlert:
		return "alerted"
	case e.Kind == history.KindLift:
		return "lifted"
	}
	return ""
}

// cefSeverity is 0 to 10, 10 the worst.
func cefSeverity(e *history.Event) int {
	switch {
	case e.Error != "":
		return 9
	case e.Kind == history.KindBlock:
		return 8
	case e.Kind == history.KindAlert && severity(e) == 2:
		return 7
	case e.Kind == history.KindAlert:
		return 5
	case e.Kind == history.KindFeed:
		return 4
	}
	return 2
}

var (
	cefHeaderEscapes = strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	cefValueEscapes  = strings.NewReplacer(`\`, `\\`, `=`, `\=`)
)

// cefHeader escapes a field of the header; it is on one line.
func cefHeader(s string) string { return cefHeaderEscapes.Replace(Plain(cut(s))) }

// cefValue escapes a value of the extension. Line ends are ? like all controls:
// what would read the escape \n is not worth a forged line elsewhere.
func cefValue(s string) string { return cefValueEscapes.Replace(Plain(cut(s))) }

// cut bounds a text, at a letter's end.
func cut(s string) string {
	if len(s) <= maxCEFValue {
		return s
	}
	return strings.ToValidUTF8(s[:maxCEFValue-3], "") + "..."
}
