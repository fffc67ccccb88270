package agent

import (
	"log/slog"
	"strings"

	"slips-ips/argusfeed"
)

// checkSource tells what is wrong with the URL of a source. It opens nothing.
func checkSource(url string) error {
	_, err := argusfeed.ParseSource(url, argusfeed.Options{})
	return err
}

// openSources makes the sources of a configuration, or the default one. Those that
// are live tell of flows that are not over where growing says so: stored ones
// need not be in a hurry.
func openSources(configured []SourceConfig, growing bool, log *slog.Logger) ([]argusfeed.Source, error) {
	if len(configured) == 0 {
		configured = []SourceConfig{{URL: DefaultSource}}
	}
	var sources []argusfeed.Source
	for i, s := range configured {
		source, err := argusfeed.ParseSource(s.URL, argusfeed.Options{
			Number: uint16(i), User: s.User, Log: log,
			Patient: len(configured) > 1, // the others go on meanwhile
			Joining: argusfeed.Joining{
				Off:      s.Records == RecordsSingle,
				Growing:  growing && live(configured[i:i+1]),
				MaxFlows: s.MaxFlows,
			},
		})
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}

// live tells whether any source reports what happens now; stored flows and
// standard input have times of their own.
func live(configured []SourceConfig) bool {
	for _, s := range configured {
		for _, scheme := range []string{"argus:", "spawn:", "follow:"} {
			if strings.HasPrefix(s.URL, scheme) {
				return true
			}
		}
	}
	return len(configured) == 0
}

func sourceNames(sources []argusfeed.Source) string {
	var names []string
	for _, s := range sources {
		names = append(names, s.String())
	}
	return strings.Join(names, " ")
}

// ifaceOf is the interface that a source listens on, empty where that is not known.
func ifaceOf(url string) string {
	iface, ok := strings.CutPrefix(url, "spawn:")
	if !ok {
		return ""
	}
	return iface
}
