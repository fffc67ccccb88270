package argusfeed

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// pauseReader says before every Read that there is no more for now.
type pauseReader struct {
	r      io.Reader
	paused bool
}

func (p *pauseReader) Read(b []byte) (int, error) {
	if p.paused = !p.paused; p.paused {
		return 0, os.ErrDeadlineExceeded
	}
	return p.r.Read(b)
}

// allFlows reads a decoder to its end, over any deadlines.
func allFlows(t *testing.T, dec Decoder) (flows []Flow, pauses int) {
	t.Helper()
	for {
		var f Flow
		err := dec.Next(&f)
		var skip *SkipError
		switch {
		case err == nil:
			flows = append(flows, f)
		case errors.Is(err, os.ErrDeadlineExceeded):
			pauses++
		case errors.Is(err, io.EOF):
			return flows, pauses
		case !errors.As(err, &skip):
			t.Fatal(err)
		}
	}
}

// A decoder of either format loses nothing to deadlines, wherever they come.
func TestDecodersGoOnAfterADeadline(t *testing.T) {
	for format, data := range map[Format]string{
		FormatText:  RaHeader + "\n" + beacon + "\njunk\n" + beacon + "\n" + beacon,
		FormatArgus: string(fixture(t, "restart.argus")),
	} {
		want, _ := allFlows(t, NewDecoder(format, strings.NewReader(data), TextOptions{}))
		r := &pauseReader{r: iotest.OneByteReader(strings.NewReader(data))}
		got, pauses := allFlows(t, NewDecoder(format, r, TextOptions{}))
		if !slices.Equal(got, want) || len(want) < 3 || pauses <= len(data) {
			t.Errorf("%v: after %d pauses\n%v\nwant\n%v", format, pauses, got, want)
		}
	}
}
