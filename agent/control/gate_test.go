package control

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestGate(t *testing.T) {
	g := newGate(8, 3)
	for i := range 3 {
		if !g.try(1000) {
			t.Fatalf("place %d of a user was refused", i)
		}
	}
	if g.try(1000) {
		t.Error("a user got more than its share")
	}
	for uid := range uint32(4) {
		if !g.try(1001 + uid) {
			t.Errorf("user %d was refused", 1001+uid)
		}
	}
	if g.try(2000) {
		t.Error("the last place is root's")
	}
	if !g.try(0) || g.try(0) {
		t.Error("root gets the last place and no more")
	}
	if in, refused := g.counts(); in != 8 || refused != 3 {
		t.Errorf("%d in, %d refused", in, refused)
	}
	g.leave(1000)
	if !g.try(1000) {
		t.Error("a place that was given back is free")
	}
	for range 3 {
		g.leave(1000)
	}
	if len(g.users) != 5 {
		t.Errorf("%d users are remembered", len(g.users))
	}
}

func TestGateWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 1)
		if !g.try(0) {
			t.Fatal("no place")
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if g.wait(ctx, 0) {
			t.Error("there was no place")
		}
		if _, refused := g.counts(); refused != 1 {
			t.Errorf("%d refused", refused)
		}
		time.AfterFunc(time.Minute, func() { g.leave(0) })
		if !g.wait(t.Context(), 0) {
			t.Error("the place that became free was not given")
		}
	})
}
