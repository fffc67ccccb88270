package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/internal/testenv"
)

// smallDisk gives a folder with a file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	testenv.Root(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		testenv.Skip(t, "no file system can be mounted: "+err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// A disk that fills up tears no line, and what was not written comes again.
func TestLineFileOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, "64k")
	path := filepath.Join(dir, "eve.json")
	l := &lineFile{path: path}
	defer l.close()
	line := []byte(strings.Repeat("x", 9999) + "\n")
	written := 0
	var err error
	for ; err == nil && written < 100; written++ {
		err = l.write(t.Context(), line)
	}
	written-- // the last was not
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v after %d lines", err, written)
	}
	if got := len(read(t, path)); got != written*len(line) {
		t.Errorf("%d bytes for %d lines", got, written)
	}
	if err := os.Truncate(path, 0); err != nil { // somebody makes room
		t.Fatal(err)
	}
	write(t, l, string(line))
	if got := read(t, path); got != string(line) {
		t.Errorf("%d bytes", len(got))
	}
}

// A webhook whose server hangs while the disk of the spool is full: what found no
// room waits in memory, and everything arrives, in order.
func TestWebhookOnAFullDisk(t *testing.T) {
	opt := testOptions(t)
	opt.State = smallDisk(t, "256k")
	h := newHooked(t, hang, hang)
	r := toWebhook(t, WebhookConfig{Name: "a", URL: h.URL, Timeout: time.Second, RetryMax: time.Second, Batch: 10}, opt)
	for i := range 100 {
		r.Event(lift(t, fmt.Sprint("lift ", i)))
	}
	testenv.Until(t, "full", func() bool { return strings.Contains(only(t, r).Error, "no space left") })
	testenv.Until(t, "sent", func() bool { return only(t, r).Sent == 100 })
	if d := cmp.Diff(numbered(100), h.texts()); d != "" {
		t.Error(d)
	}
	if o := only(t, r); o.Dropped != 0 || o.Waiting != 0 {
		t.Errorf("%+v", o)
	}
	mustClose(t, r)
}
