package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/agent/history"
	"slips-ips/models"
	"slips-ips/models/bundle"
)

// reloader is an agent whose reloads have these outcomes, one after the other.
type reloader struct {
	*controltest.Backend
	outcomes []func(ctx context.Context) error
	// seen has the label of the model in folder at each.
	folder string
	seen   []string
}

func (r *reloader) Reload(ctx context.Context, _ history.Who, _ control.ReloadRequest) (control.ReloadResult, error) {
	set, _, err := models.LoadDir(r.folder)
	if err != nil || len(r.outcomes) == 0 {
		return control.ReloadResult{}, fmt.Errorf("a reload too many, or %w", err)
	}
	r.seen = append(r.seen, models.LabelField(set[0].Label, 4))
	outcome := r.outcomes[0]
	r.outcomes = r.outcomes[1:]
	return control.ReloadResult{}, outcome(ctx)
}

// An agent that does not take new models is left with those before, on the disk and
// in what it reads.
func TestUpdateUndone(t *testing.T) {
	gives := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	interrupted, interrupt := context.WithCancel(t.Context())
	for _, tt := range []struct {
		name     string
		ctx      context.Context
		outcomes []func(context.Context) error
		code     int
		seen     string // by the agent, in order
		now      string // on the disk
		want     string
	}{
		{"taken", t.Context(), []func(context.Context) error{gives(nil)}, 0, "new", "new", ""},
		{"no such thing", t.Context(), []func(context.Context) error{gives(control.ErrUnavailable)}, 0, "new", "new", ""},
		{"invalid", t.Context(), []func(context.Context) error{gives(control.ErrInvalid)}, 2, "new", "old", "does not take the new ones: invalid"},
		{"forbidden", t.Context(), []func(context.Context) error{gives(control.ErrForbidden)}, 1, "new", "old", "does not take the new ones: not permitted"},
		{"failed late", t.Context(), []func(context.Context) error{gives(errors.New("reloaded, but")), gives(nil)}, 1, "new old", "old", "the new ones: reloaded, but"},
		{"failed twice", t.Context(), []func(context.Context) error{gives(errors.New("once")), gives(errors.New("twice"))}, 1, "new old", "old", "do slips-ips reload: twice"},
		{"silent, interrupted", interrupted, []func(context.Context) error{func(ctx context.Context) error {
			interrupt()
			<-ctx.Done()
			return ctx.Err()
		}, gives(nil)}, 1, "new old", "old", "it did not answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
			der, err := x509.MarshalPKIXPublicKey(private.Public())
			if err != nil {
				t.Fatal(err)
			}
			write := func(name, text string) string {
				t.Helper()
				path := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
					t.Fatal(err)
				}
				return path
			}
			write("keys/ours.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
			installed := filepath.Join(dir, "installed")
			r := &reloader{Backend: &controltest.Backend{}, outcomes: tt.outcomes, folder: bundle.ModelsIn(installed)}
			socket := serveAgent(t, r)
			config := write("slips.toml", fmt.Sprintf("[agent]\nsocket = %q\n[detection]\nmodels = %q\n[models]\nfolder = %q\nkeys = [%q]\n",
				socket, r.folder, installed, filepath.Join(dir, "keys")))
			update := func(ctx context.Context, serial int64, name string, more ...string) (int, string) {
				t.Helper()
				from := filepath.Dir(write(name+"/a.toml", strings.Replace(signedModel, "poll-1", name+"-1", 1)))
				b, err := bundle.Make(from, bundle.Manifest{Serial: serial, Version: name, Created: time.Now()}, private)
				if err != nil {
					t.Fatal(err)
				}
				var packed, out, errout bytes.Buffer
				if err := b.Write(&packed); err != nil {
					t.Fatal(err)
				}
				path := write(name+".tar.gz", packed.String())
				code := run(ctx, append([]string{"models", "update", "-c", config, path}, more...), streams{os.Stdin, &out, &errout})
				return code, errout.String()
			}
			if code, text := update(t.Context(), 1, "old", "--no-reload"); code != 0 {
				t.Fatal(text)
			}
			code, text := update(tt.ctx, 2, "new")
			if code != tt.code || !strings.Contains(text, tt.want) || (tt.want == "") != (text == "") {
				t.Errorf("exit status %d, want %d: %s", code, tt.code, text)
			}
			if seen := strings.Join(r.seen, " "); seen != tt.seen {
				t.Errorf("the agent read %q, want %q", seen, tt.seen)
			}
			set, _, err := models.LoadDir(r.folder)
			if err != nil || models.LabelField(set[0].Label, 4) != tt.now {
				t.Errorf("on the disk is %v, error %v, want %s", set, err, tt.now)
			}
		})
	}
}
