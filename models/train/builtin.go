package train

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/models"
	"slips-ips/models/lab"
)

// labStart is when the traffic of the lab begins, in its packets.
var labStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// LabModel makes the model of a behaviour of the lab: its traffic as packets,
// read by the real argus, learned from. dir is for the files in between.
func LabModel(ctx context.Context, dir string, b lab.Behaviour, learned time.Time) (models.Model, error) {
	fail := func(err error) (models.Model, error) {
		return models.Model{}, fmt.Errorf("making the model %s: %w", b.Label, err)
	}
	client, server := netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("198.18.0.9")
	records, err := lab.Argus(ctx, dir, lab.Conversation{Plan: b.Plan, Client: client, Server: server, Seed: 1, Start: labStart})
	if err != nil {
		return fail(err)
	}
	flows, _, err := ReadFlows(ctx, records)
	if err != nil {
		return fail(err)
	}
	proto, err := argusfeed.ParseProto([]byte(b.Plan.Proto))
	if err != nil {
		return fail(err)
	}
	t := argusfeed.Tuple{Src: argusfeed.AddrFrom(client), Dst: argusfeed.AddrFrom(server), Port: argusfeed.PortNumber(b.Plan.Port), Proto: proto}
	m, err := Learn(flows, t, LearnOptions{
		Label: b.Label, Evidence: b.Evidence, AnyPort: b.AnyPort, AnyDestination: true, Learned: learned,
		Licence: "GPL-2.0-or-later", Tool: "slips-ips models lab",
		Data: "traffic of models/lab, made as packets after the classes of letters counted in the original's model of this name, and read by argus; no captured traffic, and not the original's letters",
	})
	if err != nil {
		return fail(err)
	}
	if b.Plan.Port == 80 || b.Plan.Port == 8080 {
		m.Behaviour.Ports = []uint16{80, 8080}
	}
	return m, nil
}
