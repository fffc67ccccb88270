package httpserver

import "testing"

func TestOfLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:9560": true, "LocalHost:9560": true,
		"127.0.0.1": true, "127.0.0.1:9560": true, "127.7.0.1:9560": true,
		"[::1]": true, "[::1]:9560": true, "::1": true, "[::ffff:127.0.0.1]:9560": true,

		"": false, ":9560": false, "[]": false, "router": false, "evil.example:9560": false,
		"localhost.evil.example:9560": false, "127.0.0.1.evil.example:9560": false, "localhost:9560:9560": false,
		"0.0.0.0:9560": false, "[::]:9560": false, "192.0.2.1:9560": false, "[2001:db8::1]:9560": false, "[::ffff:192.0.2.1]:9560": false,
	} {
		if OfLoopback(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}
