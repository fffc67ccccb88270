package detection

import (
	"math"
	"math/big"
	"sync"
)

// The reference scorer compares sums of logarithms with thresholds and with
// each other, where the last bit may decide. math.Log differs from the C
// library, which the original used, in the last bit for 7 % of the fractions
// that occur; the correctly rounded logarithm differs in less than 0.1 %.

// double is a number of about 106 bits: hi + lo, with lo below half a unit in
// the last place of hi.
type double struct{ hi, lo float64 }

// twoSum gives a+b without loss.
func twoSum(a, b float64) double {
	s := a + b
	v := s - a
	return double{s, (a - (s - v)) + (b - v)}
}

func (a double) add(b double) double {
	s := twoSum(a.hi, b.hi)
	t := twoSum(a.lo, b.lo)
	s = twoSum(s.hi, s.lo+t.hi)
	return twoSum(s.hi, s.lo+t.lo)
}

func (a double) mul(b double) double {
	p := float64(a.hi * b.hi) // the conversion keeps it from being fused
	e := math.FMA(a.hi, b.hi, -p)
	e = math.FMA(a.hi, b.lo, e)
	e = math.FMA(a.lo, b.hi, e)
	return twoSum(p, e)
}

func (a double) div(b double) double {
	q := a.hi / b.hi
	rest := math.FMA(-q, b.hi, a.hi) + math.FMA(-q, b.lo, a.lo)
	return twoSum(q, rest/b.hi)
}

// logSteps is how fine the table is: its points are i/logSteps.
const logSteps = 64

// logTable holds the logarithms of the points from 1/2 to 2.
var logTable = sync.OnceValue(func() *[2*logSteps + 1]double {
	var table [2*logSteps + 1]double
	for i := logSteps / 2; i <= 2*logSteps; i++ {
		table[i] = toDouble(bigLog(big.NewRat(int64(i), logSteps)))
	}
	return &table
})

// bigPrec is the precision of what goes into the table, in bits.
const bigPrec = 160

// bigLog gives ln x = 2 artanh((x-1)/(x+1)) for x from 1/2 to 2.
func bigLog(x *big.Rat) *big.Float {
	one := big.NewRat(1, 1)
	s := new(big.Rat).Quo(new(big.Rat).Sub(x, one), new(big.Rat).Add(x, one))
	term := new(big.Float).SetPrec(bigPrec).SetRat(s)
	square := new(big.Float).SetPrec(bigPrec).Mul(term, term)
	sum := new(big.Float).SetPrec(bigPrec)
	for k := int64(1); k < 120; k += 2 { // |s| is at most 1/3: 3^-120 is below 2^-190
		part := new(big.Float).SetPrec(bigPrec).SetInt64(k)
		sum.Add(sum, part.Quo(term, part))
		term.Mul(term, square)
	}
	return sum.Mul(sum, big.NewFloat(2))
}

func toDouble(x *big.Float) double {
	hi, _ := x.Float64()
	lo, _ := new(big.Float).SetPrec(bigPrec).Sub(x, big.NewFloat(hi)).Float64()
	return double{hi, lo}
}

var (
	third = double{1.0 / 3, 0x1.5555555555555p-56}
	fifth = double{1.0 / 5, -0x1.999999999999ap-57}
)

// exactLog gives the natural logarithm of x, 0 < x <= 1, rounded correctly but
// for a handful of arguments in 10^12.
func exactLog(x float64) float64 {
	if x == 1 {
		return 0
	}
	table := logTable()
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	// ln m = ln c + 2 artanh(s), c the nearest point, s = (m-c)/(m+c).
	at := math.Round(m * logSteps)
	c := at / logSteps
	s := double{hi: m - c}.div(twoSum(m, c)) // m-c is exact
	q := s.mul(s)
	q3 := q.hi * q.hi * q.hi
	tail := q3 * (1.0/7 + q.hi*(1.0/9+q.hi*(1.0/11+q.hi*(1.0/13))))
	series := third.mul(q).add(fifth.mul(q.mul(q))).add(double{hi: tail})
	artanh := s.add(s.mul(series))
	sum := table[int(at)].add(double{2 * artanh.hi, 2 * artanh.lo})
	if e != 0 {
		ln2 := table[2*logSteps]
		n := double{hi: float64(e)}
		sum = ln2.mul(n).add(sum)
	}
	return sum.hi
}
