package main

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/models/bundle"
)

func newModelsSign(std streams) *cobra.Command {
	var (
		m       bundle.Manifest
		keyPath string
		to      string
		created string
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "sign DIR --key FILE --serial N --models-version TEXT --to FILE",
		Short: "Make a signed bundle of a folder of models, for those who publish some",
		Long: `Sign makes a bundle (.tar.gz) of all models of a folder: a manifest with their
sizes and SHA-256, its ed25519 signature, and the models. Each file must be a model
that compiles. The same input gives the same bytes where --created is given.

The key is made, and its public half for those who use the models, with

    openssl genpkey -algorithm ed25519 -out private.pem
    openssl pkey -in private.pem -pubout -out models.pem

Keep the private one off routers and build machines. --key - reads it from the
standard input, so that the file can be an encrypted one.`,
		Example: `  slips-ips models sign models/ --key private.pem --serial 7 --models-version 2026-11 --to slips-ips-models-7.tar.gz
  openssl pkey -in encrypted.pem | slips-ips models sign models/ --key - --serial 8 --models-version 2026-12 --to slips-ips-models-8.tar.gz`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || keyPath == "" || to == "" || m.Serial < 1 || m.Version == "" {
				return usagef("%s needs one folder of models, --key, --serial (1 or more), --models-version and --to", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			m.Created = time.Now()
			if created != "" {
				t, err := time.Parse(time.RFC3339, created)
				if err != nil {
					return usagef("--created %q is no time; write it as 2026-11-25T04:00:00Z", created)
				}
				m.Created = t
			}
			key, err := readPrivateKey(std, keyPath)
			if err != nil {
				return err
			}
			b, err := bundle.Make(args[0], m, key)
			if err != nil {
				return err
			}
			notes, err := checkBundle(agent.DefaultConfig(), b)
			if err != nil {
				return fmt.Errorf("these models would be refused: %w", err)
			}
			var packed bytes.Buffer
			if err := b.Write(&packed); err != nil {
				return err
			}
			if err := renameio.WriteFile(to, packed.Bytes(), 0o644); err != nil {
				return fmt.Errorf("writing the bundle: %w", err)
			}
			told := describeBundle(b)
			told.Key = keyPath
			if asJSON {
				return writeJSON(std.out, told)
			}
			if err := say(std.out, "%s: %d bytes", filepath.Clean(to), packed.Len()); err != nil {
				return err
			}
			if err := writeBundle(std, told); err != nil {
				return err
			}
			return writeNotes(std, notes)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&keyPath, "key", "", "sign with the private ed25519 key (PEM) in this `FILE`; - for the standard input")
	fs.StringVar(&to, "to", "", "write the bundle to this `FILE`")
	fs.Int64Var(&m.Serial, "serial", 0, "the serial `N`, greater than that of every bundle before")
	fs.StringVar(&m.Version, "models-version", "", "the version of the models for people, as `TEXT`")
	fs.StringVar(&m.MinProgram, "min-program", "", "the oldest `VERSION` of slips-ips that they are for, as v1.2.0")
	fs.StringVar(&created, "created", "", "the `TIME` that they were made, as 2026-11-25T04:00:00Z; the present one by default")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// readPrivateKey reads a private key from a file, or from the standard input.
func readPrivateKey(std streams, path string) (ed25519.PrivateKey, error) {
	const most = 16 << 10
	in := std.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("reading the private key: %w", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, fmt.Errorf("reading the private key: %w", err)
	}
	key, err := bundle.ParsePrivate(data)
	if err != nil {
		return nil, fmt.Errorf("reading the private key %s: %w", path, err)
	}
	return key, nil
}
