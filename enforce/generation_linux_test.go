package enforce

import (
	"encoding/hex"
	"testing"
)

func FuzzReadGeneration(f *testing.F) {
	for _, s := range []string{
		"2c0000000f0a00000000000000000000000008d1080001000000000908000200000004d20a0003006e667400",
		"24000000020000000000000000000000ffffffff1400000010000100000000000000000000000000",
		"14000000", "",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := readGeneration(b); err != nil && g != 0 {
			t.Errorf("%d and %v", g, err)
		}
	})
}

// The number counts each change of the ruleset by anybody.
func TestGeneration(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	before, err := e.kernel.reader.generation()
	if err != nil || before == 0 {
		t.Fatal(before, err)
	}
	nft(t, ns, "add table inet other", "-f", "-")
	if after, err := e.kernel.reader.generation(); err != nil || after != before+1 {
		t.Errorf("%d after %d, %v", after, before, err)
	}
}
