package web

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"slips-ips/agent/control"
	"slips-ips/policy"
)

// maxField is the longest text of a filter, in bytes.
const maxField = 512

// fields reads what a form asks for. The first mistake is kept.
type fields struct {
	values url.Values
	err    error
}

func (f *fields) fail(name, format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %s: %s", control.ErrInvalid, name, fmt.Sprintf(format, args...))
	}
}

func (f *fields) text(name string) string {
	v := strings.TrimSpace(f.values.Get(name))
	if len(v) > maxField {
		f.fail(name, "longer than %d bytes", maxField)
		return ""
	}
	return v
}

func (f *fields) glob(name string) string {
	v := f.text(name)
	if _, err := path.Match(v, ""); err != nil {
		f.fail(name, "%q is no pattern; use * for any characters, ? for one and [abc] for one of these", v)
		return ""
	}
	return v
}

// host reads an address or a network, and writes it as the allow list does.
func (f *fields) host(name string) string {
	v := f.text(name)
	if v == "" {
		return ""
	}
	network, err := control.ParseNetwork(v)
	if err != nil {
		f.fail(name, "%v", err)
		return ""
	}
	text, _ := policy.Prefix{Prefix: network}.MarshalText() // it never fails
	return string(text)
}

func (f *fields) number(name string, most int) int {
	v := f.text(name)
	if v == "" {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		f.fail(name, "%q is not allowed; use 0 to %d", v, most)
		return 0
	}
	return n
}

func (f *fields) flag(name string) bool { return f.text(name) != "" }

// oneOf gives the value where it is one of those allowed; the first is the default.
func (f *fields) oneOf(name string, allowed ...string) string {
	v := f.text(name)
	if v == "" {
		return allowed[0]
	}
	for _, a := range allowed {
		if v == a {
			return v
		}
	}
	f.fail(name, "%q is not allowed; use %s", v, strings.Join(allowed, ", "))
	return allowed[0]
}

// moment reads how long ago something was (1d), or a date and time.
func (f *fields) moment(name string, now time.Time) time.Time {
	v := f.text(name)
	if v == "" {
		return time.Time{}
	}
	if d, err := control.ParseDuration(v); err == nil {
		return now.Add(-d)
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, v, time.Local); err == nil {
			return t
		}
	}
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return t
	}
	f.fail(name, "%q is no time; use how long ago, as 12h or 7d, or a date and time, as %s", v, now.Format("2006-01-02 15:04"))
	return time.Time{}
}

// with gives the address of the same page with one thing different.
func with(u *url.URL, name, value string) string {
	q := u.Query()
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	if len(q) == 0 {
		return u.Path
	}
	return u.Path + "?" + q.Encode()
}

// duration reads how long, as 90s, 12h or 7d; 0 where nothing is said.
func (f *fields) duration(name string) time.Duration {
	v := f.text(name)
	if v == "" {
		return 0
	}
	d, err := control.ParseDuration(v)
	if err != nil {
		f.fail(name, "%v", err)
	}
	return d
}

func (f *fields) comment(name string) string {
	v := f.text(name)
	if err := control.CheckComment(v); err != nil {
		f.fail(name, "%s", errorText(err))
	}
	return v
}
