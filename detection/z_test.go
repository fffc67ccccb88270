package detection
import ("testing";"runtime";"time";"encoding/binary";"slips-ips/argusfeed";"slips-ips/models")
func TestZMem(t *testing.T){
 for _, per := range []int{1,2,40} {
 d := newDetector(t, DefaultConfig(), []models.Model{beaconModel("x")}, Hooks{})
 var m0,m1 runtime.MemStats; runtime.GC(); runtime.ReadMemStats(&m0)
 n := 500000
 buf := make([]argusfeed.Flow,1)
 for k := range per { for i := range n { var b [4]byte; binary.BigEndian.PutUint32(b[:], uint32(i)+0x0b000000); f:=at(argusfeed.Tuple{Dst: argusfeed.AddrFrom4(b), Proto:6}, time.Duration(k)*time.Minute+time.Duration(i)*time.Microsecond); buf[0]=f; d.Observe(buf)} }
 runtime.GC(); runtime.ReadMemStats(&m1)
 t.Logf("%d flows each: %d bytes a tuple, %+v", per, (m1.HeapAlloc-m0.HeapAlloc)/uint64(n), d.Stats())
 runtime.KeepAlive(d)
 }
}
