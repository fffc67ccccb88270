package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/enforce"
)

// Verdict is what a doctor says of one thing.
type Verdict string

// The verdicts.
const (
	FindingOK   Verdict = "ok"
	FindingWarn Verdict = "warn" // it may bite
	FindingFail Verdict = "fail" // the agent cannot do its work
)

// Finding is one thing that a doctor looked at.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	// Check names it in a word; What says how it is, and Do what helps where it is
	// not well.
	Check string `json:"check"`
	What  string `json:"what"`
	Do    string `json:"do,omitempty"`
}

// doctor collects findings.
type doctor struct {
	c   Config
	all []Finding
	// argusConf is that of slips-ips-argus.service.
	argusConf string
}

// Diagnose looks at what an agent with this configuration needs on this host, and
// changes nothing. socket is where an agent is asked; with selfTest it is proven in
// a network namespace of its own that a block stops a packet.
func Diagnose(ctx context.Context, c Config, socket string, selfTest bool) []Finding {
	d := &doctor{c: c, argusConf: argusfeed.DefaultServiceConf}
	for _, w := range c.Warnings() {
		d.say(d.enforces(FindingFail), "protect", "slips-ips config show has the networks", "%s", w)
	}
	d.programs(ctx)
	d.kernel()
	d.service(ctx)
	d.state()
	d.agent(ctx, socket)
	d.clock()
	if selfTest {
		d.selfTest()
	}
	return d.all
}

func (d *doctor) say(v Verdict, check, do, format string, args ...any) {
	d.all = append(d.all, Finding{Verdict: v, Check: check, What: fmt.Sprintf(format, args...), Do: do})
}

// enforces tells whether what keeps blocks from working is a failure.
func (d *doctor) enforces(bad Verdict) Verdict {
	if d.c.Agent.Mode != ModeEnforce && bad == FindingFail {
		return FindingWarn
	}
	return bad
}

// versionTime is how long a program may take to say its version.
const versionTime = 3 * time.Second

func (d *doctor) programs(ctx context.Context) {
	ours := slices.ContainsFunc(d.c.Sources, func(s SourceConfig) bool {
		return strings.HasPrefix(s.URL, "spawn:") || s.URL == argusfeed.ServiceURL
	})
	for _, p := range []struct {
		name, pkg, flag, without string
		missing                  Verdict
	}{
		{"argus", "argus-server", "-h", "the source is an argus of our own", FindingFail},
		{"ra", "argus-client", "-h", "only for looking at flows yourself, and for the pipe", FindingOK},
		{"nft", "nftables", "--version", "only for looking at the table yourself", FindingOK},
	} {
		path, err := lookProgram(p.name)
		if err != nil {
			if p.name == "argus" && !ours {
				p.missing, p.without = FindingOK, "no source needs it"
			}
			do := ""
			if p.missing == FindingFail {
				do = "apt-get install " + p.pkg
			}
			d.say(p.missing, p.name, do, "not installed: %s", p.without)
			continue
		}
		d.say(FindingOK, p.name, "", "%s", strings.TrimSpace(path+" "+versionOf(ctx, path, p.flag)))
	}
}

func lookProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name))
}

// versionOf gives the line in which a program says its version.
func versionOf(ctx context.Context, path, flag string) string {
	ctx, cancel := context.WithTimeout(ctx, versionTime)
	defer cancel()
	out, _ := exec.CommandContext(ctx, path, flag).CombinedOutput() // ra -h ends with 1
	for line := range strings.Lines(string(out)) {
		if strings.Contains(strings.ToLower(line), "version") || strings.HasPrefix(line, "nftables") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func (d *doctor) kernel() {
	in, err := enforce.Inspect(d.c.Enforce, 0)
	if err != nil {
		d.say(d.enforces(FindingFail), "nftables", "run it as root; is the kernel module nf_tables there?", "the kernel cannot be asked: %v", err)
		return
	}
	if in.NetAdmin {
		d.say(FindingOK, "rights", "", "this process may change nftables")
	} else {
		d.say(d.enforces(FindingFail), "rights", "run as root, or give it CAP_NET_ADMIN", "this process may not change nftables")
	}
	d.say(FindingOK, "kernel", "", "%s; table flags owner: %s, persist: %s", in.Kernel, yesNo(in.Owner), yesNo(in.Persist))
	table := "the table inet " + d.c.Enforce.Table
	switch in.Table {
	case "absent", "ours":
		d.say(FindingOK, "table", "", "%s: %s", table, in.Table)
	case "foreign":
		d.say(d.enforces(FindingFail), "table", "give ours another name ([enforce] table)", "%s is of somebody else", table)
	default:
		d.say(FindingWarn, "table", "an agent that runs mends it", "%s is not as it should be: %s", table, in.Table)
	}
	if in.Forwarding4 || in.Forwarding6 {
		d.say(FindingOK, "forwarding", "", "this host forwards IPv4: %s, IPv6: %s", yesNo(in.Forwarding4), yesNo(in.Forwarding6))
	} else {
		d.say(FindingOK, "forwarding", "", "this host forwards nothing: only its own connections can be blocked")
	}
	others := "no other firewall is known by its tables"
	if len(in.Firewalls) > 0 {
		others = "besides: " + strings.Join(in.Firewalls, ", ")
	}
	d.say(FindingOK, "firewalls", "", "%s; %d base chains of others", others, len(in.Chains))
	for _, w := range in.Warnings {
		d.say(FindingWarn, "ruleset", "see docs/enforcement.md, What is dropped where", "%s", w)
	}
	d.capture(in)
}

func (d *doctor) state() {
	dir := d.c.Agent.State
	if dir == "" {
		d.say(FindingWarn, "state", "[agent] state", "nothing is kept over a restart: no history, and blocks are lost with a reboot")
		return
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.say(FindingOK, "state", "", "%s is not there yet: the agent makes it", dir)
	case err != nil:
		d.say(FindingFail, "state", "run as root, or as the user of the agent", "%v", err)
	case !info.IsDir():
		d.say(FindingFail, "state", "move it away", "%s is no folder", dir)
	case info.Mode().Perm()&0o007 != 0:
		d.say(FindingWarn, "state", "chmod o= "+dir, "%s is open to everybody: it tells who talked to whom", dir)
	default:
		d.say(FindingOK, "state", "", "%s", dir)
	}
	if m, ok := readPause(pausePath(d.c)); ok && !m.Over {
		d.say(d.enforces(FindingFail), "pause", "slips-ips resume", "nothing is blocked: %s", m.words())
	}
}

// agentTime is how long an agent may take to answer.
const agentTime = 5 * time.Second

func (d *doctor) agent(ctx context.Context, socket string) {
	ctx, cancel := context.WithTimeout(ctx, agentTime)
	defer cancel()
	client, err := control.Dial(socket)
	var st status.Status
	if err == nil {
		defer client.Close()
		st, err = client.Status(ctx)
	}
	switch {
	case errors.Is(err, control.ErrNotRunning):
		d.say(FindingWarn, "agent", "slips-ips run, or systemctl start slips-ips", "%v", err)
	case err != nil:
		d.say(FindingFail, "agent", "", "%v", err)
	case st.Worst() == status.Critical:
		d.say(FindingFail, "agent", "slips-ips status", "it runs, and is not well: %s", st.Problems[0].What)
	case st.Worst() == status.Warning:
		d.say(FindingWarn, "agent", "slips-ips status", "it runs: %s", st.Problems[0].What)
	default:
		d.say(FindingOK, "agent", "", "it runs, in mode %s, version %s", st.Mode, st.Version)
	}
}

func (d *doctor) clock() {
	synced, known := clockSynced()
	switch {
	case !known:
	case synced:
		d.say(FindingOK, "clock", "", "it is kept right by a time service")
	default:
		d.say(FindingWarn, "clock", "systemctl enable --now systemd-timesyncd, or chrony", "no time service keeps it right: flows of another day block nobody")
	}
}

func (d *doctor) selfTest() {
	if _, err := enforce.SelfTest(d.c.Enforce); err != nil {
		d.say(d.enforces(FindingFail), "self-test", "run it as root", "%v", err)
		return
	}
	d.say(FindingOK, "self-test", "", "in a network namespace of its own a block stopped a packet, and lifting it let the next one pass")
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
