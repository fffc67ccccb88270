package agent

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"slips-ips/agent/history"
)

func TestEventsAreCompletedAndHandedOut(t *testing.T) {
	v := newEvents(ModeDryRun)
	var got []history.Event
	v.to = append(v.to, func(e history.Event) { got = append(got, e) })
	v.tell(history.Event{Kind: history.KindAgent, Text: "one"})
	v.tell(history.Event{Kind: history.KindAgent, Text: "two", ID: "given"})
	if len(got) != 2 || len(got[0].ID) != 36 || got[0].Time.IsZero() || got[0].Mode != "dry-run" || got[1].ID != "given" {
		t.Errorf("%+v", got)
	}
}

// A reader that does not read holds nobody up, and learns what it missed.
func TestFollowerThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newEvents(ModeDryRun)
		ctx, cancel := context.WithCancel(t.Context())
		slow := v.follow(ctx)
		for range followed + 10 {
			v.tell(history.Event{Kind: history.KindAlert, Text: "an alert"})
		}
		for range followed {
			if e := <-slow; e.Text != "an alert" {
				t.Fatalf("%+v", e)
			}
		}
		v.tell(history.Event{Kind: history.KindAlert, Text: "the next"})
		if e := <-slow; !strings.HasPrefix(e.Text, "10 events were left out") || e.ID != "" {
			t.Errorf("%+v", e)
		}
		if e := <-slow; e.Text != "the next" {
			t.Errorf("%+v", e)
		}
		cancel()
		synctest.Wait()
		if _, open := <-slow; open || len(v.followers) != 0 {
			t.Error("it goes on after its end")
		}
		v.tell(history.Event{Kind: history.KindAlert, Text: "nobody follows"})
	})
}
