package history

import "testing"

func TestWords(t *testing.T) {
	for want, w := range map[string]Who{
		"root":                             {User: "root"},
		"user 1000":                        {UID: 1000},
		"anna as root from 192.0.2.77":     {User: "root", Login: "anna", From: "192.0.2.77"},
		"anna":                             {UID: 1000, User: "anna", Login: "anna"},
		"phone (token of the web page)":    {UID: NoUser, User: "phone", Token: "phone"},
		"anna as user 1000 from 192.0.2.9": {UID: 1000, Login: "anna", From: "192.0.2.9"},
	} {
		if got := w.Words(); got != want {
			t.Errorf("%+v: %q, want %q", w, got, want)
		}
	}
}
