package main

import (
	"cmp"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/agent/numbers"
	"slips-ips/models/bundle"
)

// signedFlags are those of the commands for signed models.
type signedFlags struct {
	configPath string
	keys       []string
	asJSON     bool
}

func (f *signedFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVarP(&f.configPath, "config", "c", agent.DefaultConfigPath, "go by [models] and [detection] of this slips.toml `FILE`; the default one may be missing")
	fs.StringArrayVar(&f.keys, "key", nil, "trust the public key in this `PATH` (a file, or a folder with *.pem), in place of the configured ones; may be given several times")
	fs.BoolVar(&f.asJSON, "json", false, "print JSON")
}

// read gives the configuration and the keys that are trusted.
func (f *signedFlags) read(cmd *cobra.Command) (agent.Config, []bundle.Key, error) {
	c, err := loadConfig(f.configPath, cmd.Flags().Changed("config"))
	if err != nil {
		return c, nil, err
	}
	if len(f.keys) == 0 {
		f.keys = c.Models.Keys
	}
	keys, err := bundle.ReadKeys(f.keys)
	return c, keys, err
}

// signedModels is what models verify, update and rollback print of a bundle.
type signedModels struct {
	Serial     int64     `json:"serial"`
	Version    string    `json:"version"`
	Created    time.Time `json:"created"`
	MinProgram string    `json:"min_program,omitempty"`
	Models     int       `json:"models"`
	// Key is the file of the key that signed it, Fingerprint the SHA-256 of the key.
	Key         string `json:"key"`
	Fingerprint string `json:"fingerprint"`
}

func describeBundle(b bundle.Bundle) signedModels {
	m := b.Manifest
	return signedModels{m.Serial, m.Version, m.Created, m.MinProgram, len(m.Files), b.Key.File, b.Key.Fingerprint()}
}

// verifyResult is what models verify --json prints.
type verifyResult struct {
	Source string   `json:"source"`
	Right  bool     `json:"right"`
	Error  string   `json:"error,omitempty"`
	Notes  []string `json:"notes"`
	*signedModels
}

func newModelsVerify(std streams) *cobra.Command {
	var f signedFlags
	cmd := &cobra.Command{
		Use:   "verify [FILE|DIR]",
		Short: "Check the signature of models, and that they are what was signed",
		Long: `Verify checks a bundle of models, a .tar.gz or a folder; without an argument the one
that the agent detects with ([detection] models), or else the one that models update
installed: that the signature of its manifest is of a key
that is trusted, that each file is what the manifest says, that there is no other,
that it is for this version of slips-ips, and that each model compiles. It writes
nothing and opens no connection. The exit status is 1 where anything is wrong.`,
		Example: `  slips-ips models verify
  slips-ips models verify /usr/share/slips-ips
  slips-ips models verify slips-ips-models-7.tar.gz --key maintainers.pem`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, keys, err := f.read(cmd)
			if err != nil {
				return err
			}
			source := ""
			switch {
			case len(args) > 0:
				source = args[0]
			case !usesInstalled(c):
				source = bundle.Around(c.Detection.Models)
			}
			r := verifyResult{Source: cmp.Or(source, bundle.ModelsIn(c.Models.Folder)), Notes: []string{}}
			b, notes, err := verifyModels(c, keys, source)
			r.Right, r.Notes = err == nil, append(r.Notes, notes...)
			if b.Manifest.Serial != 0 {
				told := describeBundle(b)
				r.signedModels = &told
			}
			if !f.asJSON {
				if err == nil {
					err = writeSigned(std, r)
				}
				return err
			}
			if err != nil {
				r.Error = err.Error()
			}
			if printErr := writeJSON(std.out, r); printErr != nil || err == nil {
				return printErr
			}
			return exitError(exitFailed)
		},
	}
	f.register(cmd)
	return cmd
}

// verifyModels checks a bundle, or where source is empty the one that is installed.
func verifyModels(c agent.Config, keys []bundle.Key, source string) (b bundle.Bundle, notes []string, err error) {
	if source != "" {
		b, err = bundle.ReadFile(source, keys)
	} else {
		b, err = bundle.ReadInstalled(c.Models.Folder, keys)
	}
	if err != nil {
		return b, nil, err
	}
	notes, err = checkBundle(c, b)
	if source == "" && !usesInstalled(c) {
		notes = append(notes, notUsed(c))
	}
	return b, notes, err
}

// checkBundle tells whether the models of a bundle would work here.
func checkBundle(c agent.Config, b bundle.Bundle) (notes []string, err error) {
	note, err := b.Manifest.ForProgram(version)
	if note != "" {
		notes = append(notes, note)
	}
	if err != nil {
		return notes, err
	}
	set, err := b.Models()
	if err != nil {
		return notes, err
	}
	more, err := agent.CheckModels(c, set)
	return append(notes, more...), err
}

func writeSigned(std streams, r verifyResult) error {
	if err := say(std.out, "%s: right", r.Source); err != nil {
		return err
	}
	if err := writeBundle(std, *r.signedModels); err != nil {
		return err
	}
	return writeNotes(std, r.Notes)
}

func writeBundle(std streams, m signedModels) error {
	err := say(std.out, "%s, serial %d, version %s, made %s", numbers.Count(m.Models, "model", "models"), m.Serial, m.Version, m.Created.Format(time.RFC3339))
	if err == nil {
		err = say(std.out, "signed with %s (SHA-256 %s)", m.Key, m.Fingerprint)
	}
	return err
}

func writeNotes(std streams, notes []string) error {
	for _, note := range notes {
		if err := say(std.out, "note: %s", note); err != nil {
			return err
		}
	}
	return nil
}
