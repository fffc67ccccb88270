package detection

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestExactLog compares with logarithms of 160 bits, rounded once.
func TestExactLog(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 4000 {
		n := 1 + rng.IntN(300)
		if i%3 == 0 {
			n = 1 + rng.IntN(70_000)
		}
		x := float64(1+rng.IntN(n)) / float64(n)
		want, _ := rationalLog(x).Float64()
		if got := exactLog(x); got != want {
			t.Fatalf("exactLog(%v) = %v, want %v", x, got, want)
		}
	}
}

// rationalLog halves its argument until the series applies.
func rationalLog(x float64) *big.Float {
	r := new(big.Rat).SetFloat64(x)
	half := big.NewRat(1, 2)
	e := 0
	for r.Cmp(half) < 0 {
		r.Mul(r, big.NewRat(2, 1))
		e--
	}
	ln2 := new(big.Float).SetPrec(bigPrec).Mul(bigLog(big.NewRat(2, 1)), big.NewFloat(float64(e)))
	return ln2.Add(ln2, bigLog(r))
}

// TestLogOfPythonsLibrary has values printed by Python 2.7 on glibc 2.36.
func TestLogOfPythonsLibrary(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want float64
	}{
		{1, 3, -1.0986122886681098}, {2, 3, -0.40546510810816444}, {3, 7, -0.8472978603872037},
		{59, 60, -0.01680711831638129}, {1, 700, -6.551080335043404}, {699, 700, -0.0014295928095944335},
	} {
		if got := exactLog(float64(c.k) / float64(c.n)); got != c.want {
			t.Errorf("exactLog(%d/%d) = %v, want %v", c.k, c.n, got, c.want)
		}
	}
}

func BenchmarkExactLog(b *testing.B) {
	b.ReportAllocs()
	sum := 0.0
	for i := range b.N {
		sum += exactLog(float64(1+i%300) / 300)
	}
	if sum > 0 {
		b.Fatal(sum)
	}
}
