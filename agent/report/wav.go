package report

import (
	"encoding/binary"
	"math"
	"sync"
)

// The sound: two tones, a fourth apart, each fading out like a bell.
const (
	wavRate     = 22050       // samples a second, one channel, 16 bits
	wavSamples  = wavRate / 4 // of a tone
	wavLoudness = 0.5
)

var wavTones = []float64{880, 1174.66} // Hz: A5, D6

// alertWAV gives the sound as a WAV file (RIFF, linear PCM). It is made by
// calculation: nobody else has rights in it.
var alertWAV = sync.OnceValue(func() []byte {
	var samples []byte
	for _, hz := range wavTones {
		for i := range wavSamples {
			t := float64(i) / wavRate
			rise := min(1, t/0.005) // no click at the beginning
			fade := math.Exp(-8*t) * (1 - float64(i)/wavSamples)
			v := math.Sin(2*math.Pi*hz*t) + 0.3*math.Sin(4*math.Pi*hz*t)
			samples = binary.LittleEndian.AppendUint16(samples, uint16(int16(v/1.3*rise*fade*wavLoudness*math.MaxInt16)))
		}
	}
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(36+len(samples)))...)
	b = append(b, "WAVEfmt "...)
	for _, v := range []any{
		uint32(16), uint16(1), uint16(1), uint32(wavRate), uint32(wavRate * 2), uint16(2), uint16(16), // size, PCM, channels, rate, bytes a second, block, bits
	} {
		b, _ = binary.Append(b, binary.LittleEndian, v) // numbers of fixed size only
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(samples)))
	return append(b, samples...)
})
