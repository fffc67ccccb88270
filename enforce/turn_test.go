package enforce

import (
	"slices"
	"testing"
	"testing/synctest"
)

// Whoever waits in Lock goes before whoever waits patiently, but not for ever.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			turn  turn
			order []string
		)
		run := func(name string, lock func(), then func()) {
			go func() {
				lock()
				order = append(order, name)
				if then != nil {
					then()
				}
				turn.Unlock()
			}()
			synctest.Wait()
		}
		turn.Lock()
		run("patient", turn.LockPatiently, nil)
		run("urgent", turn.Lock, nil)
		run("urgent", turn.Lock, nil)
		turn.Unlock()
		synctest.Wait()
		if want := []string{"urgent", "urgent", "patient"}; !slices.Equal(order, want) {
			t.Errorf("in the order %v", order)
		}

		order = nil
		turn.Lock()
		run("patient", turn.LockPatiently, nil)
		var again func()
		left := 10 * maxOvertaking
		again = func() { // one more is always waiting
			if left--; left > 0 {
				go func() {
					turn.Lock()
					order = append(order, "urgent")
					again()
					turn.Unlock()
				}()
				for {
					turn.mu.Lock()
					waits := turn.urgent > 0
					turn.mu.Unlock()
					if waits {
						return
					}
				}
			}
		}
		again()
		turn.Unlock()
		synctest.Wait()
		if at := slices.Index(order, "patient"); at < 1 || at > maxOvertaking {
			t.Errorf("the patient one came after %d others", at)
		}
	})
}
