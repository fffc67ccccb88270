package argusfeed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

// argusConfigs are the ways in which argus reads the captures of the tests.
var argusConfigs = map[string]string{
	"defaults": "",
	"everything-often": `
ARGUS_FLOW_TYPE="Bidirectional"
ARGUS_FLOW_KEY="CLASSIC_5_TUPLE"
ARGUS_FLOW_STATUS_INTERVAL=2
ARGUS_MAR_STATUS_INTERVAL=10
ARGUS_GENERATE_RESPONSE_TIME_DATA=yes
ARGUS_GENERATE_PACKET_SIZE=yes
ARGUS_GENERATE_JITTER_DATA=yes
ARGUS_GENERATE_MAC_DATA=yes
ARGUS_GENERATE_APPBYTE_METRIC=yes
ARGUS_GENERATE_TCP_PERF_METRIC=yes
ARGUS_GENERATE_BIDIRECTIONAL_TIMESTAMPS=yes
ARGUS_CAPTURE_DATA_LEN=64
`,
	"lean": `
ARGUS_FLOW_TYPE="Bidirectional"
ARGUS_FLOW_KEY="CLASSIC_5_TUPLE"
ARGUS_FLOW_STATUS_INTERVAL=5
ARGUS_MAR_STATUS_INTERVAL=60
ARGUS_GENERATE_BIDIRECTIONAL_TIMESTAMPS=yes
ARGUS_GENERATE_TCP_PERF_METRIC=no
ARGUS_CAPTURE_DATA_LEN=0
`,
}

// runArgus has a real argus read a capture, and gives the file it wrote.
func runArgus(t *testing.T, c *capture, config string) string {
	t.Helper()
	argus := testenv.Program(t, "argus")
	dir := t.TempDir()
	pcap, conf, out := filepath.Join(dir, "in.pcap"), filepath.Join(dir, "argus.conf"), filepath.Join(dir, "out.argus")
	c.write(t, pcap)
	args := []string{"-X"}
	if config != "" {
		if err := os.WriteFile(conf, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{"-X", "-F", conf}
	}
	cmd := exec.CommandContext(t.Context(), argus, append(args, "-r", pcap, "-w", out)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, text)
	}
	return out
}

// TestArgusOnNewCaptures makes traffic of all sorts, has the real argus read it
// and compares our print with that of the real ra.
func TestArgusOnNewCaptures(t *testing.T) {
	ra := testenv.Program(t, "ra")
	const fields = "seq stime dur proto saddr sport dir daddr dport state stos dtos pkts bytes sbytes"
	for name, config := range argusConfigs {
		t.Run(name, func(t *testing.T) {
			file := runArgus(t, everything(1), config)
			records := readRecords(t, file)
			compareWithRa(t, ra, file, records, fields, nil)
			protos := map[string]int{}
			for _, rec := range records {
				if rec.Kind == KindFlow {
					protos[rec.Proto.String()]++
				}
			}
			for _, p := range []string{"tcp", "udp", "icmp", "ipv6-icmp", "arp", "rarp", "igmp", "gre", "sctp", "lldp", "llc", "ospf", "unas"} {
				if protos[p] == 0 {
					t.Errorf("no record of %s: the capture does not test it (%v)", p, protos)
				}
			}
		})
	}
}

// tcpScripts are the lives of connections.
var tcpScripts = []string{
	">S <SA >A >PA100 <A <PA800 >A >FA <FA >A",
	">S <SA >A >PA100 <PA1200 <A1200 >A <FA >A >FA <A",
	">S <SA >A >PA10 1s <PA10 >A 1s >PA10 <PA10 >A 3s >PA20 <PA10 >A 4s >PA5 <PA2 >A 9s >FA <FA >A",
	">S <SA >A >PA300 <RA", ">S <SA >A >PA300 <A >RA", ">S <SA >R", ">S <RA", ">S", ">S 1s >S 2s >S 4s >S", ">S <SA",
	">S <SA >A", ">S <SA >A >PA50 <A >FA", "<SA >A >PA100 <PA400 >A", "<SA >A >PA100 <A >FA <FA >A", "<SA", "<SA >R",
	">A <A", ">PA100 <A <PA100 >A", "<PA100 >A", ">FA <FA >A", ">R", "<R", ">RA", ">F", ">FPU", ">", ">A", "<FA",
	">SEC <SAE >A >PA100 <A >PAC20 >FA <FA >A", ">SF <RA", ">S <SA >A >PA1000 >PA1000 >PA1000 <A <A <A <PA1 >A",
	">S <SA >PAU20 <A >FA <A <FA >A", ">S 30ms <SA 30ms >A >PA40 35s >PA40 <PA40 >A 50s >PA1 <A >FA <FA >A",
}

// everything makes a capture with what a network of an office carries, and
// what a scanner sends.
func everything(seed uint64) *capture {
	c := newCapture(seed)
	v4, v6 := ip{src: "10.0.0.1", dst: "192.0.2.2"}, ip{src: "fd00::1", dst: "2001:db8::2"}
	port := uint16(20000)
	next := func() uint16 { port++; return port }
	for i, script := range tcpScripts {
		v4.tos, v6.tos = byte(i%4*4), byte(i%3*16)
		c.tcp(v4, next(), 80, script)
		c.tcp(v4.back(), 443, next(), script)
		c.tcp(v6, next(), 443, script)
		c.tcp(v6.back(), 25, next(), script)
	}
	c.tcp(ip{src: "10.0.0.1", dst: "192.0.2.2", vlan: 17}, next(), 8080, tcpScripts[0])
	c.tcp(ip{src: "10.0.0.1", dst: "192.0.2.2", tos: 8, options: []byte{7, 7, 4, 0, 0, 0, 0, 0}}, next(), 8080, tcpScripts[0])
	for _, p := range []ip{v4, v6} {
		p.tos = 0x10
		for _, script := range []string{">40 <200", ">40", "<40", ">40 3s <40 3s >40 <40", ">1 >1 >1", "<10 2s >10", ">1400 <1400 <1400"} {
			c.udp(p, next(), 53, script)
			c.udp(p, next(), 5060, script)
			c.udp(p, 123, 123, script)
			c.wait(70 * time.Second)
		}
		c.packet(withProto(p, 2), []byte{0x16, 0, 0, 0, 239, 1, 2, 3})
		for _, proto := range []byte{4, 41, 47, 51, 89, 103, 112, 132, 200, 253, 255} {
			c.packet(withProto(p, proto), []byte{0, 80, 0, 99, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		}
	}
	c.udp(ip{src: "10.0.0.1", dst: "224.0.0.251"}, 5353, 5353, ">40 >60")
	c.udp(ip{src: "10.0.0.1", dst: "255.255.255.255"}, 68, 67, ">300")
	for seq := range byte(4) {
		c.icmp(v4, 8, 0, 0, 77, 0, seq, 1, 2, 3, 4)
		c.icmp(v4.back(), 0, 0, 0, 77, 0, seq, 1, 2, 3, 4)
		c.icmp(v6, 128, 0, 0, 77, 0, seq, 1, 2, 3, 4)
		c.icmp(v6.back(), 129, 0, 0, 77, 0, seq, 1, 2, 3, 4)
	}
	c.icmp(v4, 13, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	c.icmp(v4.back(), 14, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	inner := []byte{0, 0, 0, 0, 0x45, 0, 0, 60, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9, 0, 99, 0, 53, 0, 40, 0, 0}
	for code := range byte(16) {
		inner[len(inner)-5] = 100 + code
		c.udp(ip{src: "10.0.0.1", dst: "192.0.2.9"}, 99, 53+uint16(code), ">32")
		c.icmp(v4.back(), 3, code, inner...)
		c.icmp(ip{src: "198.51.100.2", dst: "10.0.0.1"}, 11, code%2, inner...)
		c.icmp(v6.back(), 1, code%8, make([]byte, 48)...)
		c.wait(time.Second)
	}
	for _, typ := range []byte{4, 5, 9, 10, 12, 15, 17, 30, 37, 99} {
		c.icmp(v4, typ, 0, inner...)
	}
	for _, typ := range []byte{2, 3, 4, 130, 131, 133, 134, 135, 136, 137, 143, 200} {
		c.icmp(ip{src: "fe80::1", dst: "ff02::2"}, typ, 0, make([]byte, 20)...)
	}
	for i := range 3 {
		c.arp(0x0806, 1, "10.0.0.1", fmt.Sprintf("10.0.0.%d", i+2))
		c.arp(0x0806, 2, fmt.Sprintf("10.0.0.%d", i+2), "10.0.0.1")
		c.arp(0x0806, 1, "10.0.0.9", "10.0.0.9")
		c.arp(0x8035, 3, "0.0.0.0", "0.0.0.0")
		c.wait(4 * time.Second)
	}
	c.frame([]byte{1, 0x80, 0xc2, 0, 0, 0xe}, macA, 0x88cc, make([]byte, 50))
	c.frame([]byte{1, 0x80, 0xc2, 0, 0, 0}, macA, 38, append([]byte{0x42, 0x42, 3}, make([]byte, 35)...))
	c.frame(macB, macA, 0x88b5, make([]byte, 50))
	c.frame(macA, macB, 0x88b5, make([]byte, 50))
	c.frame(broadcast, macB, 0x9000, make([]byte, 50))
	c.wait(20 * time.Second)
	c.udp(v4, next(), 53, ">40 <80")
	return c
}

func withProto(p ip, proto byte) ip {
	p.proto = proto
	return p
}

// Faults of ra: what is right is what the capture has.
func TestArgusWhereRaIsWrong(t *testing.T) {
	c := newCapture(2)
	v4 := ip{src: "10.0.0.1", dst: "192.0.2.2"}
	esp := append([]byte{0xd5, 0x03, 0x26, 0x25}, make([]byte, 60)...)
	c.packet(withProto(v4, protoESP), esp)
	c.icmp(v4, 0, 0, 0, 5, 0, 9, 1, 2, 3, 4)
	c.icmp(v4, 14, 0, 0, 6, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	c.packet(ip{src: "10.0.0.1", dst: "192.0.2.3", proto: 6, frag: 100}, make([]byte, 400))
	c.packet(ip{src: "10.0.0.1", dst: "192.0.2.3", proto: 1, frag: 100}, make([]byte, 400))
	c.wait(10 * time.Second)

	p := RaPrinter{Fields: mustFields(t, "proto saddr sport dir daddr dport state pkts sbytes")}
	want := map[string]bool{
		"esp,10.0.0.1,,   ->,192.0.2.2,0xd5032625,INT,1,98":  false,
		"icmp,192.0.2.2,0x0000,  <-,10.0.0.1,0x0500,ECR,1,0": false,
		"icmp,192.0.2.2,0x000e,  <-,10.0.0.1,0x0000,TSR,1,0": false,
		"tcp,10.0.0.1,0,   ?>,192.0.2.3,0,_,1,434":           false,
		"icmp,10.0.0.1,,   ->,192.0.2.3,,INT,1,434":          false,
	}
	for _, rec := range readRecords(t, runArgus(t, c, "")) {
		if rec.Kind != KindFlow {
			continue
		}
		line := string(p.AppendRecord(nil, &rec))
		if _, ok := want[line]; !ok {
			t.Errorf("not expected: %s", line)
		}
		want[line] = true
	}
	for line, seen := range want {
		if !seen {
			t.Errorf("missing: %s", line)
		}
	}
}

func mustFields(t *testing.T, s string) []RaField {
	t.Helper()
	f, err := ParseRaFields(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
