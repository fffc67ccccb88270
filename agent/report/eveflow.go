package report

import (
	"strconv"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// flowsOf copies the flows of the tuples that detections name.
func flowsOf(batch []argusfeed.Flow, found []detection.Detection) []argusfeed.Flow {
	if len(found) == 0 {
		return nil
	}
	tuples := make(map[argusfeed.Tuple]bool, len(found))
	for i := range found {
		tuples[found[i].Tuple] = true
	}
	var out []argusfeed.Flow
	for i := range batch {
		if tuples[batch[i].Tuple] {
			out = append(out, batch[i])
		}
	}
	return out
}

// overFlows copies the flows that are over.
func overFlows(batch []argusfeed.Flow) []argusfeed.Flow {
	out := make([]argusfeed.Flow, 0, len(batch))
	for i := range batch {
		if batch[i].Part.Over() {
			out = append(out, batch[i])
		}
	}
	return out
}

// appendFlow appends a flow as a line. It is written by hand, since there may be
// tens of thousands of them a second. Argus counts packets of both directions
// together, so there is no flow.pkts_toserver: slips.packets has the sum.
func (w *eveWriter) appendFlow(b []byte, f *argusfeed.Flow, alerted bool) []byte {
	start := f.Start.Time()
	end := start.Add(f.Dur)
	b = append(b, `{"timestamp":"`...)
	b = appendEVETime(b, end)
	b = append(b, `","flow_id":`...)
	b = strconv.AppendUint(b, flowID(f.Tuple), 10)
	url, iface := w.source(f.Source)
	if iface != "" {
		b = appendField(b, "in_iface", iface)
	}
	b = append(b, `,"event_type":"flow"`...)
	if ip, ok := f.Src.IP(); ok {
		b = append(ip.AppendTo(append(b, `,"src_ip":"`...)), '"')
	}
	if n, ok := f.Sport.Number(); ok {
		b = strconv.AppendUint(append(b, `,"src_port":`...), uint64(n), 10)
	}
	if ip, ok := f.Dst.IP(); ok {
		b = append(ip.AppendTo(append(b, `,"dest_ip":"`...)), '"')
	}
	if n, ok := f.Port.Number(); ok {
		b = strconv.AppendUint(append(b, `,"dest_port":`...), uint64(n), 10)
	}
	b = appendField(b, "proto", eveProto(f.Proto))
	b = append(b, `,"flow":{`...)
	if f.SrcBytes > 0 && f.SrcBytes <= f.Bytes {
		b = strconv.AppendUint(append(b, `"bytes_toserver":`...), f.SrcBytes, 10)
		b = strconv.AppendUint(append(b, `,"bytes_toclient":`...), f.Bytes-f.SrcBytes, 10)
		b = append(b, ',')
	}
	b = appendEVETime(append(b, `"start":"`...), start)
	b = appendEVETime(append(b, `","end":"`...), end)
	b = strconv.AppendInt(append(b, `","age":`...), int64(f.Dur/time.Second), 10)
	b = append(append(append(b, `,"state":"`...), flowState(f.Part)...), '"')
	if alerted {
		b = append(b, `,"alerted":true`...)
	}
	b = append(b, '}')
	if w.host != "" {
		b = appendField(b, "host", w.host)
	}
	b = strconv.AppendUint(append(b, `,"slips":{"packets":`...), f.Packets, 10)
	b = strconv.AppendUint(append(b, `,"bytes":`...), f.Bytes, 10)
	b = appendField(b, "tuple", f.String())
	b = appendField(b, "part", partName(f.Part))
	if f.State != "" {
		b = appendField(b, "state", f.State)
	}
	if f.Label != "" {
		b = appendField(b, "label", f.Label)
	}
	if url != "" {
		b = appendField(b, "source", url)
	}
	return append(b, "}}\n"...)
}

// flowState is the state in Suricata's words.
func flowState(p argusfeed.Part) string {
	switch p {
	case argusfeed.PartBegun:
		return "new"
	case argusfeed.PartGrown:
		return "established"
	}
	return "closed"
}

// partName says what of the flow the numbers are about; of a grown one they
// are about what came since.
func partName(p argusfeed.Part) string {
	switch p {
	case argusfeed.PartBegun:
		return "begun"
	case argusfeed.PartGrown:
		return "grown"
	case argusfeed.PartClosed:
		return "closed"
	}
	return "whole"
}

// appendEVETime appends a time in UTC, as eveTime has it.
func appendEVETime(b []byte, t time.Time) []byte { return t.UTC().AppendFormat(b, eveTime) }

// appendField appends a comma and a text field.
func appendField(b []byte, name, value string) []byte {
	b = append(append(append(b, ',', '"'), name...), `":"`...)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return append(appendEscaped(b, Plain(value)), '"')
		}
	}
	return append(append(b, value...), '"')
}

// appendEscaped appends text that Plain gave: without control characters.
func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return b
}
