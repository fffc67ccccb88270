package detection

import (
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// connectionModel matches what comes back like a clock.
func connectionModel() models.Model {
	return models.Model{
		Label: "From-Test-TCP-Any-Beacon-1", Class: models.ClassMalicious, Kind: models.KindBehaviour, File: "beacon.toml",
		Behaviour: &models.Behaviour{
			MinContacts: 10, Merge: 500 * time.Millisecond, MinGap: time.Second, MaxGap: time.Hour,
			MaxGapSpread: 0.1, MaxSizeSpread: 0.1, Evidence: models.Decisive,
		},
	}
}

// A long connection is reported in pieces, one each status interval. That is
// as regular as can be and no beacon; connections that come as regularly are.
func TestPiecesOfOneConnectionAreNoContacts(t *testing.T) {
	for name, tt := range map[string]struct {
		proto argusfeed.Proto
		sport func(i int) uint16
		state func(i int) string
		every time.Duration
		want  bool
	}{
		"one TCP connection in pieces":          {argusfeed.ProtoTCP, fixed, midStream, 5 * time.Second, false},
		"pieces of two TCP connections":         {argusfeed.ProtoTCP, func(i int) uint16 { return uint16(40000 + i%2) }, midStream, 5 * time.Second, false},
		"keep-alives of one TCP connection":     {argusfeed.ProtoTCP, fixed, func(int) string { return "PA_A" }, 5 * time.Minute, false},
		"pieces without flags":                  {argusfeed.ProtoTCP, fixed, func(int) string { return "CON" }, 5 * time.Second, false},
		"one UDP flow in pieces":                {argusfeed.ProtoUDP, fixed, func(int) string { return "CON" }, 5 * time.Second, false},
		"TCP connections, each of its own":      {argusfeed.ProtoTCP, counted, func(int) string { return "FSPA_FSPA" }, 5 * time.Second, true},
		"TCP connections from one source port":  {argusfeed.ProtoTCP, fixed, func(int) string { return "FSPA_FSPA" }, 5 * time.Second, true},
		"UDP exchanges, each of its own":        {argusfeed.ProtoUDP, counted, func(int) string { return "CON" }, 5 * time.Second, true},
		"UDP from one port, after long silence": {argusfeed.ProtoUDP, fixed, func(int) string { return "CON" }, 5 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(deaf(t), []models.Model{connectionModel()}, Hooks{})
			if err != nil {
				t.Fatal(err)
			}
			src, _ := argusfeed.ParseAddr([]byte("10.0.0.7"))
			dst, _ := argusfeed.ParseAddr([]byte("203.0.113.9"))
			start := argusfeed.TimeOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
			found := false
			for i := range 40 {
				f := argusfeed.Flow{
					Tuple: argusfeed.Tuple{Src: src, Dst: dst, Port: argusfeed.PortNumber(443), Proto: tt.proto},
					Sport: argusfeed.PortNumber(tt.sport(i)), State: tt.state(i),
					Start: start.Add(time.Duration(i) * tt.every), Dur: time.Second, Bytes: 500, Packets: 6,
				}
				found = len(d.Observe([]argusfeed.Flow{f})) > 0 || found
			}
			if found != tt.want {
				t.Errorf("detected: %v, want %v", found, tt.want)
			}
		})
	}
}

func fixed(int) uint16     { return 40000 }
func counted(i int) uint16 { return uint16(40000 + i) }

func midStream(i int) string {
	if i < 2 {
		return "SPA_SPA"
	}
	return "PA_PA"
}
