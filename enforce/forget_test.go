package enforce

import (
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A walk that fails is told, once, and done again with what it was about.
func TestForgetAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("no buffer space")
		var walks []int
		f := newForgetter(func(keys map[key]bool) (uint64, error) {
			walks = append(walks, len(keys))
			if len(walks) < 3 {
				return 1, failure
			}
			return uint64(len(keys)), nil
		})
		defer f.stop()
		f.enqueue([]key{numberedKey(1), numberedKey(2)})
		synctest.Wait()
		if err := f.trouble(); !errors.Is(err, failure) {
			t.Errorf("the first time: %v", err)
		}
		time.Sleep(forgetEvery)
		synctest.Wait()
		if err := f.trouble(); err != nil {
			t.Errorf("told twice: %v", err)
		}
		time.Sleep(10 * forgetEvery)
		synctest.Wait()
		if n, err := f.counts(); n != 4 || err != nil || len(walks) != 3 || walks[2] != 2 {
			t.Errorf("%d forgotten, %v, walks over %d", n, err, walks)
		}
		more := make([]key, maxForget+1)
		for i := range more {
			binary.BigEndian.PutUint32(more[i].buf[:], uint32(i))
		}
		f.enqueue(more)
		if err := f.trouble(); err == nil {
			t.Error("it is not told that some were not looked for")
		}
	})
}
