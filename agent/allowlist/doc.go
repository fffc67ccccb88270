// Package allowlist keeps what admins allowed with `allow add`: networks that
// are never blocked, each maybe with a comment and an end. They are in a file of
// the state folder and survive restarts; those of slips.toml are not here.
package allowlist
