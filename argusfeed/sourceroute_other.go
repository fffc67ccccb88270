//go:build unix && !linux

package argusfeed

import "errors"

func defaultInterface() (string, error) {
	return "", errors.New("the interface of the default route is found on Linux only; name one, as in spawn:en0")
}
