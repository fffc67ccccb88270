package agent

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"slips-ips/agent/web"
)

var _ web.Agent = guestBook{}

// Models lists those in use.
func (o operator) Models(context.Context) ([]web.Model, error) {
	found := o.Status().Detection.Labels
	var all []web.Model
	for _, m := range o.reload.modelsNow() {
		all = append(all, web.Model{
			Label: m.Label, Class: string(m.Class), Kind: string(m.Kind), Proto: m.Proto, File: m.File,
			Data: m.Data, Licence: m.Licence, Detections: found[m.Label],
		})
	}
	return all, nil
}

// Configuration gives the tables that decide what is blocked. The others may have
// passwords in them, of webhooks and the like.
func (o operator) Configuration(context.Context) (web.Configuration, error) {
	said := o.reload.status()
	c := web.Configuration{Path: said.Path, Loaded: said.Loaded}
	table, err := ConfigTable(o.reload.config())
	if err != nil {
		return c, err
	}
	shown := map[string]any{}
	for _, name := range []string{"policy", "protect"} {
		if t, ok := table[name]; ok {
			shown[name] = t
		}
	}
	var text bytes.Buffer
	enc := toml.NewEncoder(&text)
	enc.Indent = ""
	if err := enc.Encode(shown); err != nil {
		return c, fmt.Errorf("writing the configuration: %w", err)
	}
	c.Text = strings.TrimSpace(text.String()) + "\n"
	return c, nil
}
