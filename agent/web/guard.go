package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"slips-ips/agent/control"
)

// contentPolicy lets a page use what comes with it and nothing else.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// Of our own pages: without any a form would be sent as from nowhere.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

var errForm = errors.New("this form is not of a page that this agent made for you, or of one before its restart: go back, load the page again, and repeat it")

// formToken is what a form of v must carry: nobody else can know it.
func (p *Pages) formToken(v control.Visitor) string {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(v.Key))
	return hex.EncodeToString(mac.Sum(nil))
}

// checkForm reads a form and makes sure that it is of our own page.
func (r *request) checkForm() error {
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
		return fmt.Errorf("%w: a form is sent as application/x-www-form-urlencoded, not as %.50q", control.ErrInvalid, kind)
	}
	err := r.ParseForm()
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fmt.Errorf("%w: the form has more than the %d KiB that there is room for; slips-ips replay --history --policy FILE has no such limit", control.ErrInvalid, large.Limit>>10)
	}
	if err != nil {
		return fmt.Errorf("%w: the form cannot be read: %w", control.ErrInvalid, err)
	}
	if !hmac.Equal([]byte(r.PostForm.Get("form")), []byte(r.p.formToken(r.by))) {
		return errForm
	}
	return nil
}

// errorText is an error for people: of what kind it is the heading says.
func errorText(err error) string {
	text := err.Error()
	for _, kind := range []error{control.ErrInvalid, control.ErrUnavailable, control.ErrNotFound, control.ErrRefused, control.ErrForbidden, control.ErrBusy} {
		if rest, ok := strings.CutPrefix(text, kind.Error()+": "); ok {
			return rest
		}
	}
	return text
}
