package argusfeed

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/internal/testenv"
)

// equalFlows lets cmp look into addresses, which are comparable.
var equalFlows = cmp.Options{cmp.Comparer(func(a, b Addr) bool { return a == b })}

// line is what one line of the input became: a flow in words, or a kind.
type line struct {
	Flow string
	Skip string
}

// readText reads all of an input, one result for each line.
func readText(t testing.TB, r io.Reader, opt TextOptions) (lines []line, flows []Flow) {
	t.Helper()
	text := NewText(r, opt)
	for n := uint64(1); ; n++ {
		var f Flow
		err := text.Next(&f)
		var skip *SkipError
		switch {
		case err == nil:
			if f.Line != n {
				t.Fatalf("flow says line %d, want %d", f.Line, n)
			}
			flows = append(flows, f)
			lines = append(lines, line{Flow: f.String()})
		case errors.As(err, &skip):
			if skip.Line != n {
				t.Fatalf("%v: want line %d", err, n)
			}
			lines = append(lines, line{Skip: skip.Kind.String()})
		case errors.Is(err, io.EOF):
			return lines, flows
		default:
			t.Fatal(err)
		}
	}
}

const beacon = "2018/03/01 10:00:00.000000,0.050000,tcp,10.0.0.1,40000,   ->,192.0.2.7,443,FSPA_FSPA,0,0,10,1200"

func TestTextReadsWhatRaPrints(t *testing.T) {
	_, flows := readText(t, strings.NewReader(RaHeader+",Seq,SrcBytes,Label\n"+
		"2018/03/01 10:00:00.000001,0.050000,tcp,10.0.0.1,40000,   ->,192.0.2.7,443,FSPA_FSPA,0,184,10,1200,7,800,flow=From-Botnet\n"),
		TextOptions{Source: 3})
	src, _ := ParseAddr([]byte("10.0.0.1"))
	dst, _ := ParseAddr([]byte("192.0.2.7"))
	want := []Flow{{
		Tuple: Tuple{Src: src, Dst: dst, Port: PortNumber(443), Proto: ProtoTCP},
		Sport: PortNumber(40000), Start: TimeOf(time.Date(2018, 3, 1, 10, 0, 0, 1000, time.UTC)),
		Dur: 50 * time.Millisecond, Packets: 10, Bytes: 1200, SrcBytes: 800, Dir: DirTo,
		DTos: 184, HasSTos: true, HasDTos: true, Seq: 7,
		State: "FSPA_FSPA", Label: "flow=From-Botnet", Source: 3, Line: 2,
	}}
	if d := cmp.Diff(want, flows, equalFlows); d != "" {
		t.Error(d)
	}
}

func TestTextLayouts(t *testing.T) {
	const tuple = "10.0.0.1-192.0.2.7-443-tcp"
	tabs := strings.ReplaceAll(beacon, ",", "\t")
	flow, header := line{Flow: tuple}, line{Skip: "header"}
	skip := func(kind string) line { return line{Skip: kind} }
	for _, tt := range []struct {
		name, input string
		want        []line
	}{
		{"no header", beacon + "\n", []line{flow}},
		{"header", RaHeader + "\n" + beacon + "\n", []line{header, flow}},
		{"header again", RaHeader + "\n" + beacon + "\n" + RaHeader + "\n" + beacon, []line{header, flow, header, flow}},
		{"no end of line", beacon, []line{flow}},
		{"empty", "", nil},
		{"CRLF", RaHeader + "\r\n" + beacon + "\r\n\r\n", []line{header, flow, skip("blank")}},
		{"CR only", RaHeader + "\r" + beacon + "\r", []line{skip("time")}},
		{"tabs", strings.ReplaceAll(RaHeader, ",", "\t") + "\n" + tabs + "\n", []line{header, flow}},
		{"tabs, no header", tabs + "\n" + tabs, []line{flow, flow}},
		{"tabs under a header with commas", RaHeader + "\n" + tabs + "\n" + tabs, []line{header, flow, flow}},
		{"tabs after commas", beacon + "\n" + tabs, []line{flow, skip("columns")}},
		{"byte order mark", "\xef\xbb\xbf" + RaHeader + "\n" + beacon, []line{header, flow}},
		{"short names, other order", "dport,daddr,saddr,proto,stime\n443,192.0.2.7,10.0.0.1,tcp,2018/03/01 10:00:00.0\n", []line{header, flow}},
		{"letter case", strings.ToUpper(RaHeader) + "\n" + beacon, []line{header, flow}},
		{"a new header changes the columns", beacon + "\ndport,daddr,saddr,proto,stime\n443,192.0.2.7,10.0.0.1,tcp,2018/03/01 10:00:00.0", []line{flow, header, flow}},
		{"a header without Dport", "stime,proto,saddr,daddr\n" + beacon, []line{skip("columns"), skip("columns")}},
		{"more columns", beacon + ",,,x,y\n", []line{flow}},
		{"too few columns", strings.TrimSuffix(beacon, ",1200"), []line{skip("columns")}},
		{"a label may be missing", RaHeader + ",Label\n" + beacon, []line{header, flow}},
		{"management", "2026/11/23 12:26:59.278468,60.0,man,0,17,,0,1,CON,,,27,0\n" + beacon, []line{skip("management"), flow}},
		{"junk", "#comment\n\x00\x01\nhello\n,,,,,,,,,,,,\n" + beacon, []line{skip("columns"), skip("columns"), skip("columns"), skip("time"), flow}},
		{"white space around the line", "  " + beacon + " \t\n", []line{flow}},
		{"quotation marks", `"2018/03/01 10:00:00.0",0,"tcp","10.0.0.1",1,"  ->",192.0.2.7,"443","a,b",,,1,2`, []line{flow}},
		{"a mark that does not pair", `2018/03/01 10:00:00.0,0,tcp,10.0.0.1,1,"->,192.0.2.7,443,CON,,,1,2`, []line{flow}},
		{"a name that is too long", strings.Replace(beacon, "10.0.0.1", strings.Repeat("x", 256), 1) + "\n" + beacon, []line{skip("names"), flow}},
		{"longest line", beacon + strings.Repeat(",", maxLine-len(beacon)) + "\n" + beacon, []line{flow, flow}},
		{"too long", beacon + strings.Repeat(",", maxLine-len(beacon)+1) + "\n" + beacon, []line{skip("too-long"), flow}},
		{"much too long", strings.Repeat("x", 5*lineBuffer) + "\n" + beacon, []line{skip("too-long"), flow}},
		{"too long at the end", beacon + "\n" + strings.Repeat("x", 3*lineBuffer), []line{flow, skip("too-long")}},
		{"NUL", strings.Repeat("\x00", 16) + ":05.0,0,tcp,10.0.0.1,1,->,192.0.2.7,443,CON,,,1,2", []line{skip("time")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once": strings.NewReader(tt.input), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.input)),
				"end with data": iotest.DataErrReader(strings.NewReader(tt.input)),
			} {
				got, _ := readText(t, r, TextOptions{})
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("read %s: %s", how, d)
				}
			}
		})
	}
}

func TestTextSumsWhereNoTotalIs(t *testing.T) {
	_, flows := readText(t, strings.NewReader(
		"StartTime,Proto,SrcAddr,DstAddr,Dport,SrcPkts,DstPkts,SrcBytes,DstBytes\n"+
			"2018/03/01 10:00:00.0,tcp,10.0.0.1,10.0.0.2,80,1,2,30,40\n"+
			"2018/03/01 10:00:00.0,tcp,10.0.0.1,10.0.0.2,80,,1e400,30,\n"), TextOptions{})
	got := [][3]uint64{}
	for _, f := range flows {
		got = append(got, [3]uint64{f.Packets, f.Bytes, f.SrcBytes})
	}
	if d := cmp.Diff([][3]uint64{{3, 70, 30}, {math.MaxUint64, 30, 30}}, got); d != "" {
		t.Error(d)
	}
}

func TestTextManagement(t *testing.T) {
	text := NewText(strings.NewReader("2026/11/23 12:26:59.278468,60.5,man,0,17,,54,2,CON,,,27,10942984\n"), TextOptions{})
	var skip *SkipError
	if err := text.Next(new(Flow)); !errors.As(err, &skip) || skip.Kind != SkipManagement {
		t.Fatal(err)
	}
	want := Management{
		Time:     TimeOf(time.Date(2026, 11, 23, 12, 26, 59, 278468000, time.UTC)),
		Interval: 60500 * time.Millisecond, State: "CON", Dropped: 17, Packets: 27, Clients: 2,
	}
	if d := cmp.Diff(want, text.Management()); d != "" {
		t.Error(d)
	}
}

func TestTextTimes(t *testing.T) {
	at := func(us int) string { return fmt.Sprint(us) }
	const second = 1519898400 // 2018/03/01 10:00:00
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		in   string
		loc  *time.Location
		want string // microseconds since 2018/03/01 10:00:00, or nothing
	}{
		{"2018/03/01 10:00:00.5", nil, at(500000)},
		{"2018/3/1 10:0:1.25", nil, at(1250000)},
		{"2018/03/01 10:00:02.123456", nil, at(2123456)},
		{"2018/03/01  10:00:03.0", nil, at(3000000)},
		{"2018/03/01\t10:00:04.000001", nil, at(4000001)},
		{"2018/03/ 1 10:00:05.1", nil, at(5100000)},
		{"2018/03/01 10:00:7.000", nil, at(7000000)},
		{" 2018/03/01 10:00:09.5", nil, at(9500000)},
		{"2018/03/01 11:00:00.5", vienna, at(500000)},
		{"2018/09/01 12:00:00.0", vienna, at(184 * 86400 * 1e6)},
		{"1519898400.000000", nil, at(0)},
		{"1519898400.5", nil, at(500000)},
		{"0.0", nil, at(-second * 1e6)},
		{"1519898400", nil, ""},
		{"253402300800.0", nil, ""},
		{"-1.5", nil, ""},
		{"2018/03/01 10:00:09.", nil, ""},
		{"2018/03/01 10:00:09", nil, ""},
		{"2018/03/01 10:00:09.1234567", nil, ""},
		{"2018/03/01 10:00:09 .5", nil, ""},
		{"2018/03/01 10:00:09.5 ", nil, ""},
		{"2018/03/01 10:00:60.5", nil, ""},
		{"2018/03/01 10:60:00.5", nil, ""},
		{"2018/03/01 24:00:00.0", nil, ""},
		{"2018/02/29 10:00:00.0", nil, ""},
		{"2018/13/01 10:00:00.0", nil, ""},
		{"2018/00/01 10:00:00.0", nil, ""},
		{"2018/03/00 10:00:00.0", nil, ""},
		{"0000/03/01 10:00:00.0", nil, ""},
		{"18/03/01 10:00:00.0", nil, ""},
		{"2018-03-01 10:00:00.0", nil, ""},
		{"2018/03/0110:00:00.0", nil, ""},
		{"2018/03/01 10:00:-1.0", nil, ""},
		{"2018/03/ 10 1:00:00.0", nil, ""},
		{"2018/", nil, ""},
		{"", nil, ""},
	} {
		c := clock{loc: tt.loc}
		got, ok := c.parse([]byte(tt.in))
		if s := at(int(got - second*1e6)); ok != (tt.want != "") || ok && s != tt.want {
			t.Errorf("%q: %s, %v, want %q", tt.in, s, ok, tt.want)
		}
	}
}

func TestTextTimesKeepTheirForm(t *testing.T) {
	row := func(time string) string {
		return time + strings.TrimPrefix(beacon, "2018/03/01 10:00:00.000000") + "\n"
	}
	epoch, calendar := row("1519898400.000000"), row("2018/03/01 10:00:00.0")
	kinds := func(s string) (got string) {
		lines, _ := readText(t, strings.NewReader(s), TextOptions{})
		for _, l := range lines {
			got += " " + strings.Split(l.Flow, "-")[0] + l.Skip
		}
		return got
	}
	if got, want := kinds(calendar+epoch), " 10.0.0.1 time"; got != want {
		t.Errorf("epoch after calendar:%s, want%s", got, want)
	}
	// Junk that looks like an epoch must not lock out the rest.
	if got, want := kinds(epoch+calendar+epoch), " 10.0.0.1 10.0.0.1 10.0.0.1"; got != want {
		t.Errorf("calendar after epoch:%s, want%s", got, want)
	}
	if got, want := kinds(calendar+RaHeader+"\n"+epoch), " 10.0.0.1 header 10.0.0.1"; got != want {
		t.Errorf("epoch after a new header:%s, want%s", got, want)
	}
}

func TestTextNumbers(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0": 0, "0.000000": 0, "0.1": 100 * time.Millisecond, "10": 10 * time.Second, "10.0": 10 * time.Second,
		"10.000001": 10*time.Second + time.Microsecond, "0.10000001": 100000010,
		"0.100000000000000005": 100 * time.Millisecond, // as a float, and so to the original
		"0.1000000001":         100000001, "1e-1": 100 * time.Millisecond, " 3 ": 3 * time.Second, "+0.5": 500 * time.Millisecond,
		".5": 500 * time.Millisecond, "5.": 5 * time.Second, "1e-30": 1, "3596.604980": 3596604980 * time.Microsecond,
		"": 0, " ": 0, "nan": 0, "-nan": 0, "-1": 0, "-0.0": 0, "x": 0, "0x1": 0, "0x1p3": 0, "1_0": 0, "1e": 0, "1.2.3": 0, ".": 0,
		"inf": math.MaxInt64, "1e999": math.MaxInt64, "9223372036.854775807": math.MaxInt64, "9223372036.854775808": math.MaxInt64,
		"9223372037": math.MaxInt64,
	} {
		if got := parseDuration([]byte(in)); got != want {
			t.Errorf("duration %q: %d, want %d", in, got, want)
		}
	}
	for in, want := range map[string]uint64{
		"0": 0, "250": 250, "250.0": 250, "250.5": 251, "1100.0000001": 1101, "1e3": 1000, "1E2": 100, "+7": 7, " 12": 12, "12 ": 12,
		"00012": 12, "1e-5": 1, ".5": 1, "5.": 5, "9007199254740993": 9007199254740993, "18446744073709551615": math.MaxUint64,
		"18446744073709551616": math.MaxUint64, "9223372036854775808": 1 << 63,
		"999999999999999999999": math.MaxUint64, "1e400": math.MaxUint64, "Infinity": math.MaxUint64,
		"": 0, " ": 0, "abc": 0, "nan": 0, "-5": 0, "-inf": 0, "0x10": 0, "1_000": 0, "12L": 0, "++1": 0, "1e": 0, "\xd9\xa1": 0,
	} {
		if got := parseCount([]byte(in)); got != want {
			t.Errorf("count %q: %d, want %d", in, got, want)
		}
	}
}

// The lines of ra come back byte for byte.
func TestAppendFlowPrintsAsRa(t *testing.T) {
	for _, name := range []string{"mixed-plain", "mixed-rich", "restart"} {
		data, err := os.ReadFile(testenv.Reference(t, "fixtures", name+".slips.csv"))
		if err != nil {
			t.Fatal(err)
		}
		text := NewText(strings.NewReader(string(data)), TextOptions{})
		n := 0
		for i, want := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
			var f Flow
			switch err := text.Next(&f); {
			case err == nil:
				n++
				if got := string(new(RaPrinter).AppendFlow(nil, &f)); got != want {
					t.Errorf("%s line %d:\n%s, want\n%s", name, i+1, got, want)
				}
			case i == 0 || strings.Contains(want, ",man,"):
			default:
				t.Errorf("%s: %v", name, err)
			}
		}
		if n == 0 {
			t.Errorf("%s: no flows", name)
		}
	}
}

// A pipe gets each line as soon as it is complete.
func TestTextDoesNotWait(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	text := NewText(r, TextOptions{})
	got := make(chan error)
	go func() {
		for {
			err := text.Next(new(Flow))
			got <- err
			if errors.Is(err, io.EOF) {
				return
			}
		}
	}()
	for range 3 {
		if _, err := io.WriteString(w, beacon+"\n2018"); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, strings.TrimPrefix(beacon, "2018")+"\n"); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if err := <-got; !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

func TestTextPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	text := NewText(io.MultiReader(strings.NewReader(beacon+"\n2018/03"), iotest.ErrReader(broken)), TextOptions{})
	var f Flow
	if err := text.Next(&f); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the torn line is no line
		if err := text.Next(&f); !errors.Is(err, broken) {
			t.Fatalf("%v, want %v", err, broken)
		}
	}
}

func TestTextBuffered(t *testing.T) {
	text := NewText(strings.NewReader(beacon+"\n"+beacon+"\n2018"), TextOptions{})
	var got []bool
	for range 4 {
		got = append(got, text.Buffered())
		_ = text.Next(new(Flow))
	}
	if d := cmp.Diff([]bool{false, true, false, true}, got); d != "" {
		t.Error(d)
	}
}

// What an outsider can put into state and label is kept only up to a limit.
func TestWordsAreBounded(t *testing.T) {
	var w words
	for i := range 2 * maxWords {
		if s := fmt.Sprint(i); w.get([]byte(s)) != s {
			t.Fatal("a word was changed")
		}
	}
	long := strings.Repeat("x", maxWordLen+1)
	if w.get([]byte(long)) != long {
		t.Fatal("a long word was changed")
	}
	if len(w.m) != maxWords {
		t.Errorf("%d words are kept, want %d", len(w.m), maxWords)
	}
}

// Only the first bad line of each kind shows what stood there.
func TestTextExplainsOnce(t *testing.T) {
	text := NewText(strings.NewReader("a\x1b[31m,b\nc,d\n"+strings.Repeat("x,", 20)+"\n"), TextOptions{})
	var got []string
	for range 3 {
		got = append(got, text.Next(new(Flow)).Error())
	}
	want := []string{
		`line 1 skipped (columns): 2 columns where 13 are needed: "a\x1b[31m,b"`,
		`line 2 skipped (columns): 2 columns where 13 are needed`,
		`line 3 skipped (time): no time like 2006/01/02 15:04:05.000000: "x"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSkipCounter(t *testing.T) {
	var c SkipCounter
	for i, k := range []SkipKind{SkipTime, SkipHeader, SkipTime} {
		if first := c.Add(&SkipError{Line: uint64(i + 1), Kind: k}); first != (i < 2) {
			t.Errorf("skip %d: first = %v", i, first)
		}
	}
	if d := cmp.Diff(map[string]uint64{"time": 2, "header": 1}, c.Counts()); d != "" {
		t.Error(d)
	}
	if total, bad := c.Total(); total != 3 || bad != 2 {
		t.Errorf("%d skipped, %d bad, want 3, 2", total, bad)
	}
	if d := cmp.Diff([]SkipError{{Line: 2, Kind: SkipHeader}, {Line: 1, Kind: SkipTime}}, c.First()); d != "" {
		t.Error(d)
	}
}
