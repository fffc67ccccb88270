package bundle

import (
	"fmt"
	"regexp"

	"golang.org/x/mod/semver"
)

// sinceTag is what git describe, or the revision of a Debian package, adds to a
// version: none of it makes a build a pre-release.
var sinceTag = regexp.MustCompile(`(-[0-9]+-g[0-9a-f]+|-[0-9]+)?(-dirty)?$`)

// ForProgram tells whether the models are for a program of this version, as
// git describe or a package gives it. The note says where that cannot be known,
// since it is no version that could be compared.
func (m Manifest) ForProgram(version string) (note string, err error) {
	if m.MinProgram == "" {
		return "", nil
	}
	has := sinceTag.ReplaceAllString(version, "")
	if has != "" && has[0] >= '0' && has[0] <= '9' {
		has = "v" + has
	}
	switch {
	case !semver.IsValid(has):
		return fmt.Sprintf("the models are for slips-ips %s or later; whether %s is later cannot be told", m.MinProgram, version), nil
	case semver.Compare(has, m.MinProgram) < 0:
		return "", fmt.Errorf("the models are for slips-ips %s or later, and this is %s: upgrade it first", m.MinProgram, version)
	}
	return "", nil
}
