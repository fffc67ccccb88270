package enforce

import (
	"errors"
	"strings"
	"testing"
)

// Two enforcers of one table would lift and restore each other's blocks.
func TestLockTable(t *testing.T) {
	first, err := lockTable("test-lock")
	if err != nil {
		t.Fatal(err)
	}
	if second, err := lockTable("test-lock"); err == nil {
		second.Close()
		t.Error("the table was locked twice")
	} else if !strings.Contains(err.Error(), "another slips-ips") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	if other, err := lockTable("test-lock-2"); err != nil {
		t.Errorf("another table: %v", err)
	} else {
		other.Close()
	}
	first.Close()
	again, err := lockTable("test-lock")
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	again.Close()
}

// The table of an agent that lives is not removed behind its back.
func TestRemoveInUse(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Table = "test-lock-3"
	lock, err := lockTable(cfg.Table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := Remove(cfg, 0); !errors.Is(err, ErrInUse) {
		t.Errorf("%v", err)
	}
}
