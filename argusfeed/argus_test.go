package argusfeed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// TestArgusCutAnywhere gives every prefix of a fixture: the complete records of
// it come out, and then a clean end or the news that one is cut.
func TestArgusCutAnywhere(t *testing.T) {
	data, err := os.ReadFile("testdata/fixtures/restart.argus")
	if err != nil {
		t.Fatal(err)
	}
	all, err := decodeAll(data)
	if err != nil {
		t.Fatal(err)
	}
	end, whole := 0, 0 // whole records end at byte end
	for n := range data {
		for end+4 <= n && end+argusRecordLen(data[end:]) <= n {
			end += argusRecordLen(data[end:])
			whole++
		}
		got, err := decodeAll(data[:n])
		if !slices.Equal(got, all[:whole]) {
			t.Fatalf("%d bytes: %v, want %v", n, got, all[:whole])
		}
		if n == end {
			if err != nil {
				t.Fatalf("%d bytes, the end of a record: %v", n, err)
			}
			continue
		}
		var bad *ArgusError
		if !errors.As(err, &bad) || !errors.Is(err, ErrArgusCut) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d bytes, inside a record: %v", n, err)
		}
		if bad.Offset != int64(end) || bad.Have != n-end {
			t.Fatalf("%d bytes: %v, but the record begins at %d", n, err, end)
		}
	}
}

// TestArgusGivesRecordsAsTheyComplete sends a stream in pieces: a record comes
// out with its last byte, and nothing is read beyond that.
func TestArgusGivesRecordsAsTheyComplete(t *testing.T) {
	data, err := os.ReadFile("testdata/fixtures/restart.argus")
	if err != nil {
		t.Fatal(err)
	}
	want, err := decodeAll(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]io.Reader{
		"byte by byte":     iotest.OneByteReader(bytes.NewReader(data)),
		"halves":           iotest.HalfReader(bytes.NewReader(data)),
		"error with bytes": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		a := NewArgus(r)
		var rec Record // the same again and again: nothing is left in it
		for i := range want {
			if err := a.Next(&rec); err != nil || rec != want[i] {
				t.Fatalf("%s: record %d: %v %v", name, i, err, rec)
			}
			if name == "byte by byte" && a.Buffered() != 0 {
				t.Fatalf("%s: record %d: %d bytes read too much", name, i, a.Buffered())
			}
		}
		if err := a.Next(new(Record)); !errors.Is(err, io.EOF) {
			t.Fatalf("%s: at the end: %v", name, err)
		}
	}

	var rec Record
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	a := NewArgus(here)
	first := argusRecordLen(data)
	sent := make(chan error, 1)
	send := func(b []byte) { go func() { _, err := there.Write(b); sent <- err }() }

	send(data[:first+10]) // one record and the beginning of the next
	if err := a.Next(&rec); err != nil || rec != want[0] {
		t.Fatalf("first record: %v %v", err, rec)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if a.Ready() {
		t.Fatal("ten bytes of a record make a record")
	}
	if err := here.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := a.Next(&rec); !errors.Is(err, os.ErrDeadlineExceeded) || rec != want[0] {
		t.Fatalf("after a deadline: %v %v", err, rec)
	}
	if err := here.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	send(data[first+10 : first+argusRecordLen(data[first:])])
	if err := a.Next(&rec); err != nil || rec != want[1] {
		t.Fatalf("second record, after the deadline: %v %v", err, rec)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// TestArgusFollowsAFile goes on at the end of what has been written so far.
func TestArgusFollowsAFile(t *testing.T) {
	data, err := os.ReadFile("testdata/fixtures/restart.argus")
	if err != nil {
		t.Fatal(err)
	}
	want, err := decodeAll(data)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	a := NewArgus(&file)
	var got []Record
	for len(data) > 0 {
		n := min(len(data), 100)
		file.Write(data[:n])
		data = data[n:]
		for {
			var rec Record
			err := a.Next(&rec)
			if errors.Is(err, io.EOF) || errors.Is(err, ErrArgusCut) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rec)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// firstRecord gives the initial management record of a fixture, changed.
func firstRecord(t *testing.T, change func(b []byte)) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/fixtures/restart.argus")
	if err != nil {
		t.Fatal(err)
	}
	b := data[:argusManagementLen]
	if change != nil {
		change(b)
	}
	return b
}

func TestArgusRefusesWhatItDoesNotKnow(t *testing.T) {
	good := string(firstRecord(t, nil))
	for _, tt := range []struct {
		name, stream string
		want         error
		text         string
	}{
		{"gzip", "\x1f\x8b\x08\x00more", ErrNotArgus, "gzip"},
		{"pcap", "\xd4\xc3\xb2\xa1\x02\x00", ErrNotArgus, "argus -r"},
		{"text", "StartTime,Dur,Proto", ErrNotArgus, `the text "StartTime,Dur,Pr"`},
		{"ssh", "SSH-2.0-OpenSSH\r\n", ErrNotArgus, `the text "SSH-2.0`},
		{"a flow first", "\x13\x10\x00\x20" + good[4:], ErrNotArgus, "byte 0"},
		{"zeros", "\x00\x00\x00\x00", ErrNotArgus, "00 00 00 00"},
		{"a short first record", "\x83\x10\x00\x08" + good[4:36], ErrNotArgus, ""},
		{"a huge first record", "\x83\x10\xff\xff", ErrNotArgus, ""},
		{"version 2", "\x82\x10\x00\x20" + good[4:], ErrArgusVersion, "version 2; 3 and 5 are known"},
		{"no cookie", string(firstRecord(t, func(b []byte) { clear(b[8:12]) })), ErrArgusVersion, "e5712dcb"},
		{"another cookie", string(firstRecord(t, func(b []byte) { b[11]++ })), ErrArgusVersion, "e5712dcb"},
		{"version 4 later", good + "\x14\x10\x00\x20", ErrArgusVersion, "byte 128"},
		{"length 0", "\x83\x10\x00\x00", ErrArgusLength, "length 0"},
		{"length 0 later", good + "\x13\x10\x00\x00", ErrArgusLength, "byte 128"},
		{"cut at once", "\x83", ErrArgusCut, "1 of 4 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := NewArgus(strings.NewReader(tt.stream))
			untouched := Record{Kind: KindFlow, FlowRecord: FlowRecord{Flow: Flow{Seq: 77}}}
			rec := untouched
			var err error
			for err == nil {
				rec = untouched
				err = a.Next(&rec)
			}
			var bad *ArgusError
			if !errors.Is(err, tt.want) || !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v with %q", err, tt.want, tt.text)
			}
			if rec != untouched {
				t.Errorf("an error and a record: %v", rec)
			}
			if again := a.Next(&rec); !errors.Is(err, ErrArgusCut) && !errors.Is(again, err) {
				t.Errorf("the next time: %v", again)
			}
		})
	}
	if err := NewArgus(strings.NewReader("")).Next(new(Record)); !errors.Is(err, io.EOF) {
		t.Errorf("an empty stream: %v", err)
	}
}

func TestArgusRefusal(t *testing.T) {
	for stream, want := range map[string]error{
		"\x83\x81\x00\x01":          ErrArgusAccess,
		"\x83\x82\x00\x01":          ErrArgusClients,
		"\x83\x83\x00\x01":          ErrArgusRefused,
		string(firstRecord(t, nil)): nil,
	} {
		var rec Record
		if err := NewArgus(strings.NewReader(stream)).Next(&rec); err != nil || rec.Kind != KindManagement || !errors.Is(rec.Refusal(), want) {
			t.Errorf("% x: %v, %v, want %v", stream[:4], err, rec.Refusal(), want)
		}
	}
}

// TestArgusManagement reads what a running Argus told of itself, up to being
// killed and started again.
func TestArgusManagement(t *testing.T) {
	var got []ArgusStatus
	for _, rec := range readRecords(t, "testdata/fixtures/restart.argus") {
		if rec.Kind == KindManagement {
			got = append(got, rec.Status)
		}
	}
	if len(got) != 9 {
		t.Fatalf("%d management records, want 9", len(got))
	}
	first := ArgusStatus{
		Management: Management{Time: 1795437568950771, Interval: 789 * time.Microsecond, State: "STA"},
		Initial:    true, Start: 1795437568949982, Major: 3, FlowInterval: 5 * time.Second, StatusInterval: 5 * time.Second,
	}
	if diff := cmp.Diff(first, got[0]); diff != "" {
		t.Error(diff)
	}
	second := ArgusStatus{
		Management: Management{Time: 1795437573199610, Interval: 4249628 * time.Microsecond, State: "CON", Packets: 70, Clients: 2},
		Start:      1795437568949982, Major: 3, Link: 1, FlowInterval: 5 * time.Second, StatusInterval: 5 * time.Second,
		Bytes: 7071, Buffers: 86, Memory: 11218496,
	}
	if diff := cmp.Diff(second, got[1]); diff != "" {
		t.Error(diff)
	}
	if !got[4].Initial || got[4].Start == got[0].Start || got[8].State != "STP" {
		t.Errorf("the restart is not seen: %v, %v", got[4], got[8])
	}
	wants := firstRecord(t, func(b []byte) { binary.BigEndian.PutUint32(b[4:], 0x00201000) })
	var rec Record
	if err := NewArgus(bytes.NewReader(wants)).Next(&rec); err != nil || !rec.Status.WantsAuthentication() {
		t.Errorf("the wish for authentication is not seen: %v", err)
	}
	if got[0].WantsAuthentication() {
		t.Error("authentication is seen where none is wanted")
	}
}

// Debian's argus.conf sets ARGUS_MONITOR_ID: then the later management records
// have the id where the first one has its cookie.
func TestArgusWithAMonitorID(t *testing.T) {
	first := firstRecord(t, func([]byte) {})
	later := firstRecord(t, func(b []byte) { b[1] = byte(CauseStatus) << 4; copy(b[8:], be32(2435)) })
	a := NewArgus(strings.NewReader(string(first) + string(later)))
	for i, initial := range []bool{true, false} {
		var rec Record
		if err := a.Next(&rec); err != nil || rec.Kind != KindManagement || rec.Status.Initial != initial {
			t.Errorf("record %d: %v, initial %t", i, err, rec.Status.Initial)
		}
	}
}
