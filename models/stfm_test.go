package models

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pickle "github.com/kisielk/og-rek"
	"pgregory.net/rapid"
)

func TestImportSTFM(t *testing.T) {
	want := Model{
		Label: testLabel, Class: ClassMalicious, Kind: KindLetters, Proto: "TCP",
		Threshold: 1.1, Letters: testLetters, File: "a.stfm",
	}
	edit := func(change func(*Model)) Model {
		m := want
		change(&m)
		return m
	}
	long := strings.Repeat("88,h,", MaxLetters/5)
	for _, tt := range []struct {
		name  string
		parts [][]byte
		want  Model
	}{
		{"0.3.3", parts033(testLetters, testLabel, floatThreshold, 1.1), want},
		{"0.2 with numpy", parts02(testLetters, testLabel, numpyThreshold, 1.1), want},
		{"0.2 never matches", parts02(testLetters, testLabel, intThreshold, -1), edit(func(m *Model) { m.Threshold = -1 })},
		{"last digits", parts02(testLetters, testLabel, floatThreshold, 2.0000000000000004),
			edit(func(m *Model) { m.Threshold = 2.0000000000000004 })},
		{"numpy with a quote, a backslash, a newline in its bytes", parts02(testLetters, testLabel, numpyThreshold,
			math.Float64frombits(0x3ff1275c0a220d09)), edit(func(m *Model) { m.Threshold = math.Float64frombits(0x3ff1275c0a220d09) })},
		{"normal", parts033(testLetters, "From-NORMAL-UDP-X-1", floatThreshold, 1.1),
			edit(func(m *Model) { m.Label, m.Class, m.Proto = "From-NORMAL-UDP-X-1", ClassNormal, "UDP" })},
		{"class is the second field only", parts033(testLetters, "From-Botnet-TCP-HTTP-Abnormal-1", floatThreshold, 1.1),
			edit(func(m *Model) { m.Label = "From-Botnet-TCP-HTTP-Abnormal-1" })},
		{"no letters", parts033("", testLabel, floatThreshold, 6), edit(func(m *Model) { m.Letters, m.Threshold = "", 6 })},
		{"marked transition", parts033("33,c,#,c,", testLabel, floatThreshold, 1.1),
			edit(func(m *Model) { m.Letters = "33,c,#,c," })},
		{"most letters", parts033(long, testLabel, floatThreshold, 1.1), edit(func(m *Model) { m.Letters = long })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ImportSTFM(bytes.NewReader(bytes.Join(tt.parts, nil)), "some/where/a.stfm")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// A model whose letters make all transitions there are must fit the bounds.
func TestImportLargestMatrix(t *testing.T) {
	var b strings.Builder
	for _, x := range Alphabet {
		for _, y := range Alphabet {
			b.WriteRune(x)
			b.WriteRune(y)
		}
	}
	for name, parts := range map[string][][]byte{
		"0.3.3": parts033(b.String(), testLabel, floatThreshold, 1.1),
		"0.2":   parts02(b.String(), testLabel, numpyThreshold, 1.1),
	} {
		if _, err := ImportSTFM(bytes.NewReader(bytes.Join(parts, nil)), "a.stfm"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// laughs writes a tuple that stands for 2^levels others, with a few bytes.
func laughs(levels int) string {
	b := "((S'ha'\ntp0\n"
	for i := range levels {
		b += fmt.Sprintf("(g%d\ng%d\ntp%d\n", i, i, i+1)
	}
	return b + "t."
}

func TestImportRefuses(t *testing.T) {
	old, now := parts02(testLetters, testLabel, numpyThreshold, 1.1), parts033(testLetters, testLabel, floatThreshold, 1.1)
	replaced := func(parts [][]byte, n int, from, to string) []byte {
		part := strings.ReplaceAll(string(parts[n-1]), from, to)
		if part == string(parts[n-1]) {
			t.Fatalf("%q is not in object %d", from, n)
		}
		return with(parts, n, part)
	}
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"reduce to os.system", `object 1 of 6 (init vector): byte 0: asks to call "os.system": refused`,
			with(now, 1, "cos\nsystem\n(S'id'\ntR.")},
		{"os.system in place of a class", `object 2 of 6 (matrix): byte 6: asks to call "posix.system"`,
			bytes.Join([][]byte{[]byte("(dp1\n."), []byte("cposix\nsystem\n")}, nil)},
		{"eval in the threshold", `object 6 of 6 (threshold): byte`, replaced(old, 6, "cnumpy\ndtype", "c__builtin__\neval")},
		{"numpy loads a file", `asks to call "numpy.load": refused`, replaced(old, 6, "cnumpy\ndtype", "cnumpy\nload")},
		{"inst of os.system", `asks to call "os.system": refused`, with(now, 3, "(S'id'\nios\nsystem\n.")},
		{"dict as a function", `asks to call "__builtin__.dict": refused`, with(now, 1, "c__builtin__\ndict\n(tR.")},
		{"a class of another base", `asks to call copy_reg._reconstructor in a way that no model does`,
			replaced(now, 2, "c__builtin__\ndict", "cpykov\nVector")},
		{"state set on a dict", `sets the state of a dict`, with(now, 1, "(d(db.")},
		{"state that is no dict", `sets the state of an instance to a string`, with(now, 2,
			"ccopy_reg\n_reconstructor\n(cpykov\nChain\nc__builtin__\ndict\n(dtRS'x'\nb.")},
		{"billion laughs", `stands for more than 32768 objects`, with(now, 1, laughs(40))},
		{"many laughs that are still counted", `object 1 of 6 (init vector) is a tuple; it must be a dict`, with(now, 1, laughs(9))},
		{"a dict in itself", `stands for more than 32768 objects`, with(now, 1, "(dp1\n"+strings.Repeat("S'a'\ng1\ns", 20)+".")},
		{"protocol 2", `opcode PROTO does not occur in .stfm files: refused`, []byte("\x80\x02}q\x00.")},
		{"long", `opcode LONG does not occur`, with(now, 6, "L"+strings.Repeat("9", 1000)+"L\n.")},
		{"list with items", `a list that is not empty`, with(now, 1, "(S'a'\nl.")},
		{"append", `opcode APPEND does not occur`, with(now, 1, "(lS'a'\na.")},
		{"long number", `an argument of more than 32 bytes`, with(now, 6, "F"+strings.Repeat("1", 1000)+"\n.")},
		{"no number", `"0x1p-2" is not a number`, with(now, 6, "F0x1p-2\n.")},
		{"infinite", `threshold: +Inf is not allowed; use a finite number`, with(now, 6, "Finf\n.")},
		{"not a number", `threshold: NaN is not allowed`, with(now, 6, "Fnan\n.")},
		{"numpy nan", `threshold: NaN is not allowed`, bytes.Join(parts02(testLetters, testLabel, numpyThreshold, math.NaN()), nil)},
		{"numpy float32", `a numpy number of type "f4"; only f8 (float64) is read`, replaced(old, 6, "S'f8'", "S'f4'")},
		{"numpy byte order", `a numpy type of byte order "|"`, replaced(old, 6, "S'<'", "S'|'")},
		{"numpy bytes short", `asks to call numpy.core.multiarray.scalar in a way that no model does`, replaced(old, 6, `\xf1?`, `\xf1`)},
		{"threshold False", `object 6 of 6 (threshold) is a bool; it must be a number`, with(now, 6, "I00\n.")},
		{"letters a number", `object 3 of 6 (letters) is a number; it must be a string`, with(now, 3, "I1\n.")},
		{"letters not of the alphabet", `letters: letter 3 is 'Q'; allowed are 1-9 a-i A-I`, with(now, 3, "S'88Q'\n.")},
		{"letters too many", `letters: 131073 letters are too many; at most 131072 are allowed`,
			with(now, 3, "S'"+strings.Repeat("8", MaxLetters+1)+"'\n.")},
		{"label without protocol", `label: "From-Botnet" has no protocol (field 3)`, with(now, 5, "S'From-Botnet'\n.")},
		{"label that colours a terminal", `label: "From-\x1b[31m" contains '\x1b'; allowed are letters, digits`, with(now, 5, `S'From-\x1b[31m'`+"\n.")},
		{"half an escape", `a string with half an escape`, with(now, 3, `S'88\x'`+"\n.")},
		{"escape of another language", `a string with an escape that Python does not write`, with(now, 3, `S'88\u0041'`+"\n.")},
		{"string without quotes", `a string without quotes`, with(now, 3, "S88\n.")},
		{"quote in a string", `a string with a quote in it`, with(now, 3, "S'8'8'\n.")},
		{"stack is empty", `takes an object from the stack that is not there`, with(now, 1, "s.")},
		{"mark as an object", `takes an object from the stack that is not there`, with(now, 1, "(.")},
		{"mark in the memo", `takes an object from the stack that is not there`, with(now, 1, "(p1\nd.")},
		{"objects left over", `ends with 1 objects too many`, with(now, 1, "(d(d.")},
		{"key without value", `a dict with a key without value`, with(now, 1, "(S'a'\nd.")},
		{"None as a value", `a dict with None as value`, with(now, 1, "(S'a'\nNd.")},
		{"a number as key", `a dict with a number as key`, with(now, 1, "(I1\nI1\nd.")},
		{"entry of a string", `sets an entry of a string`, with(now, 1, "S'a'\nS'b'\nI1\ns.")},
		{"memo not given", `memo entry 7 is used but not given`, with(now, 1, "g7\n.")},
		{"memo of the pickle before", `memo entry 1 is used but not given`, with(now, 4, "g1\n.")},
		{"memo too large", `more than 8192 memo entries`, with(now, 1, "(d"+func() (s string) {
			for i := range mostMemo + 1 {
				s += fmt.Sprintf("p%d\n", i)
			}
			return s
		}()+".")},
		{"stack too deep", `more than 256 objects on the stack`, []byte(strings.Repeat("(", 1000))},
		{"opcodes without end", `more than 65536 opcodes`, with(now, 1, "(d"+strings.Repeat("p1\n", mostOpcodes)+".")},
		{"text", `is no opcode of a pickle: this is no .stfm file`, []byte("# Models\n\nThese are the models.\n")},
		{"empty", `object 1 of 6 (init vector): ends at byte 0`, nil},
		{"five objects", `object 6 of 6 (threshold): ends at byte`, bytes.Join(now[:5], nil)},
		{"seven objects", `something follows the sixth object at byte`, append(bytes.Join(now, nil), "I1\n."...)},
		{"too large", `larger than 512 KiB, which no model is`, make([]byte, MaxFileSize+1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ImportSTFM(bytes.NewReader(tt.data), "dir/evil.stfm")
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "read model dir/evil.stfm: ") {
				t.Errorf("error %v\nwant %s", err, tt.want)
			}
			if !reflect.DeepEqual(got, Model{}) {
				t.Errorf("a model came with the error: %v", got)
			}
		})
	}
}

func TestImportTruncated(t *testing.T) {
	data := bytes.Join(parts02(testLetters, testLabel, numpyThreshold, 1.1), nil)
	for n := range data {
		if m, err := ImportSTFM(bytes.NewReader(data[:n]), "a.stfm"); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for a model: %v", n, len(data), m)
		}
	}
}

// What we read of a string or a number, og-rek reads too, and the same.
func TestPickleLikeOgRek(t *testing.T) {
	both := func(t interface{ Fatalf(string, ...any) }, data string) (*object, any) {
		u := unpickler{data: []byte(data)}
		ours, err := u.next()
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		theirs, err := pickle.NewDecoder(strings.NewReader(data)).Decode()
		if err != nil {
			t.Fatalf("%q: og-rek: %v", data, err)
		}
		return ours, theirs
	}
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "string"))
		ours, theirs := both(t, "S"+repr(s)+"\np1\n.")
		if ours.str != s || theirs != s {
			t.Fatalf("%q is read as %q, by og-rek as %q", s, ours.str, theirs)
		}
		f := rapid.Float64().Draw(t, "float")
		ours, theirs = both(t, fmt.Sprintf("F%.17g\n.", f))
		if ours.num != f || theirs != f {
			t.Fatalf("%v is read as %v, by og-rek as %v", f, ours.num, theirs)
		}
		n := rapid.Int32().Draw(t, "int")
		ours, theirs = both(t, fmt.Sprintf("I%d\n.", n))
		if ours.num != float64(n) || theirs != int64(n) {
			t.Fatalf("%v is read as %v, by og-rek as %v", n, ours.num, theirs)
		}
	})
}

func FuzzSTFM(f *testing.F) {
	old, now := parts02(testLetters, testLabel, numpyThreshold, 1.1), parts033(testLetters, testLabel, floatThreshold, 1.1)
	f.Add(bytes.Join(old, nil))
	f.Add(bytes.Join(now, nil))
	f.Add(bytes.Join(parts02("8", testLabel, intThreshold, -1), nil))
	f.Add(with(now, 1, laughs(40)))
	f.Add(with(now, 1, "cos\nsystem\n(S'id'\ntR."))
	f.Add([]byte("\x80\x02}q\x00."))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ImportSTFM(bytes.NewReader(data), "fuzz.stfm")
		checkRead(t, m, err)
	})
}

// checkRead is what holds whatever is read: an error and no model, or a valid
// model that can be written and read again.
func checkRead(t *testing.T, m Model, err error) {
	t.Helper()
	if err != nil {
		if !reflect.DeepEqual(m, Model{}) {
			t.Fatalf("error %v, but also a model: %v", err, m)
		}
		return
	}
	if err := m.Validate(); err != nil {
		t.Fatalf("an invalid model was read: %v", err)
	}
	var b bytes.Buffer
	if err := Write(&b, m); err != nil {
		t.Fatal(err)
	}
	again, err := Read(&b, m.File)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, again); d != "" {
		t.Fatal(d)
	}
}
