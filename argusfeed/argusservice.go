package argusfeed

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/packaging"
)

// servicePort is where the argus of BecomeArgus listens, on loopback: above 1024,
// since it has no right to take a lower one.
const servicePort = "9561"

// interfacePoll is how often an interface that is not there yet is looked for.
const interfacePoll = time.Second

// BecomeArgus replaces this process by an argus for the agent. Its configuration is
// our argus.conf with the intervals of spawn:IFACE, on port 9561 of loopback, and
// above that the lines of the file at path, which may be missing or empty. It waits
// until each interface that is named there is up, or without one until there is a
// default route, whose interface it takes; or until ctx ends. What it does is told
// to the log and to tell. It returns only with an error.
func BecomeArgus(ctx context.Context, path string, log *slog.Logger, tell func(string)) error {
	argus, err := findProgram("argus")
	if err != nil {
		return err
	}
	own, err := ReadServiceConf(path)
	if err != nil {
		return err
	}
	ifaces, err := waitInterfaces(ctx, own, log, tell)
	if err != nil {
		return err
	}
	how := "as " + path + " says"
	if !own.Named() {
		how = "that of the default route"
	}
	log.Info("capturing", "interface", strings.Join(ifaces, " "), "which", how)
	tell("captures on " + strings.Join(ifaces, " "))
	conf, err := confFile(own.whole(ifaces))
	if err != nil {
		return err
	}
	fd := int(conf.Fd())
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
		return fmt.Errorf("handing over a configuration: %w", err)
	}
	err = syscall.Exec(argus, []string{"argus", "-X", "-F", fmt.Sprintf("/dev/fd/%d", fd)}, argusEnv)
	return fmt.Errorf("starting %s: %w", argus, err)
}

// waitInterfaces gives those to capture on as soon as all of them are up. Argus itself
// would go on without one that is missing, and look alive.
func waitInterfaces(ctx context.Context, conf ServiceConf, log *slog.Logger, tell func(string)) ([]string, error) {
	tick := time.NewTicker(interfacePoll)
	defer tick.Stop()
	for told := ""; ; {
		ifaces, err := conf.Interfaces()
		if err == nil {
			return ifaces, nil
		}
		if told != err.Error() {
			told = err.Error()
			log.Warn("waiting for an interface to capture on", "error", err)
			tell("waits for an interface to capture on: " + told)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("stopped before there was an interface to capture on: %w", err)
		case <-tick.C:
		}
	}
}

// whole is our argus.conf with the admin's lines in place of ours, whichever argus
// would take first.
func (c ServiceConf) whole(ifaces []string) string {
	settings := []string{
		"ARGUS_ACCESS_PORT=" + servicePort, `ARGUS_BIND_IP="127.0.0.1"`,
		fmt.Sprintf("ARGUS_FLOW_STATUS_INTERVAL=%g", spawnFlowInterval.Seconds()),
		fmt.Sprintf("ARGUS_MAR_STATUS_INTERVAL=%g", spawnHeartbeat.Seconds()),
		"ARGUS_DAEMON=no", "ARGUS_SET_PID=no", "ARGUS_SETUSER_ID=", "ARGUS_SETGROUP_ID=",
	}
	if !c.Named() {
		settings = append(settings, "ARGUS_INTERFACE="+ifaces[0])
	}
	conf := configure(packaging.ArgusConf, settings...)
	for _, name := range c.set {
		conf = configure(conf, name+"=")
	}
	return conf + strings.TrimRight(c.text, "\n") + "\n"
}
