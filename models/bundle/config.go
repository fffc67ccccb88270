package bundle

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Config is the table [models] of slips.toml.
type Config struct {
	// Folder holds what was installed; its current/models is for [detection]
	// models.
	Folder string `toml:"folder"`
	// Keys are the folders (*.pem) and files with the public keys that are
	// trusted. A folder may be missing.
	Keys []string `toml:"keys"`
}

// The places of a packaged agent.
const (
	DefaultFolder    = "/var/lib/slips-ips/models"
	DefaultKeys      = "/usr/share/slips-ips/keys.d" // of packages
	DefaultLocalKeys = "/etc/slips-ips/keys.d"       // of this machine's admin
)

// DefaultConfig trusts the keys that packages or the admin put where they
// belong; the program itself contains none.
func DefaultConfig() Config {
	return Config{Folder: DefaultFolder, Keys: []string{DefaultKeys, DefaultLocalKeys}}
}

// Validate names each key whose value is not allowed.
func (c Config) Validate() error {
	var all []error
	if !filepath.IsAbs(c.Folder) || filepath.Clean(c.Folder) == "/" {
		all = append(all, fmt.Errorf("folder: %q is not allowed; use a path from /", c.Folder))
	}
	for i, path := range c.Keys {
		if !filepath.IsAbs(path) {
			all = append(all, fmt.Errorf("keys[%d]: %q is not allowed; use a path from /", i, path))
		}
	}
	return errors.Join(all...)
}
