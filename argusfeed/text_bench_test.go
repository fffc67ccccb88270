package argusfeed

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// mixture is traffic as an office has it: most of it TCP and DNS.
func mixture(n int) []byte {
	var b []byte
	b = append(b, RaHeader+"\n"...)
	at := TimeOf(time.Date(2018, 3, 1, 10, 0, 0, 0, time.UTC))
	for i := range n {
		us := at.Add(time.Duration(i) * 8 * time.Millisecond).String()
		switch i % 10 {
		case 0, 1, 2:
			b = fmt.Appendf(b, "%s,0.%06d,udp,192.168.1.%d,%d,  <->,192.168.1.1,53,CON,0,0,2,%d\n", us, i%100000, i%250, 1024+i%60000, 120+i%300)
		case 3:
			b = fmt.Appendf(b, "%s,0.010000,icmp,192.168.1.%d,0x0008,  <->,8.8.8.8,0x%04x,ECO,0,0,2,196\n", us, i%250, i%65536)
		case 4:
			b = fmt.Appendf(b, "%s,5.%06d,tcp,fd00:1::%x,%d,   ->,2001:db8:63a0::9450,443,SPA_SPA,0,0,10,%d\n", us, i%1000000, i%65536, 1024+i%60000, i)
		case 5:
			b = fmt.Appendf(b, "%s,0.000000,arp,192.168.1.%d,,  who,192.168.1.1,,INT,,,1,60\n", us, i%250)
		default:
			b = fmt.Appendf(b, "%s,3.%06d,tcp,192.168.1.%d,%d,   ->,93.184.%d.%d,443,FSPA_FSPA,0,0,%d,%d\n", us, i%1000000, i%250, 1024+i%60000, i%256, i%251, i%100, 500+i)
		}
	}
	return b
}

type endless struct {
	data []byte
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.at == len(e.data) {
		e.at = 0
	}
	n := copy(p, e.data[e.at:])
	e.at += n
	return n, nil
}

func BenchmarkText(b *testing.B) {
	text := NewText(&endless{data: mixture(100_000)}, TextOptions{})
	var f Flow
	lines := 0
	b.ReportAllocs()
	for b.Loop() {
		_ = text.Next(&f)
		lines++
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkAppendFlow(b *testing.B) {
	_, flows := readText(b, strings.NewReader(string(mixture(1000))), TextOptions{})
	var buf []byte
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		buf = new(RaPrinter).AppendFlow(buf[:0], &flows[i%len(flows)])
		i++
	}
}

func TestTextAllocatesNothing(t *testing.T) {
	text := NewText(&endless{data: mixture(1000)}, TextOptions{})
	var f Flow
	for range 2000 {
		_ = text.Next(&f)
	}
	// One header in a thousand lines allocates its error.
	if n := testing.AllocsPerRun(20000, func() { _ = text.Next(&f) }); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}
