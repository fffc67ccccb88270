package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
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
// above that the lines of the file at path, which may be missing or empty. Without
// an ARGUS_INTERFACE there it takes the interface of the default route, and waits
// until there is one that is up, or ctx ends. It returns only with an error.
func BecomeArgus(ctx context.Context, path string, log *slog.Logger) error {
	argus, err := findProgram("argus")
	if err != nil {
		return err
	}
	own, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the configuration of argus: %w", err)
	}
	iface := ""
	if !namesInterface(string(own)) {
		if iface, err = waitInterface(ctx, log); err != nil {
			return err
		}
		log.Info("capturing on the interface of the default route", "interface", iface)
	}
	conf, err := confFile(serviceConf(string(own), iface))
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

// waitInterface gives the interface of the default route as soon as it is up.
func waitInterface(ctx context.Context, log *slog.Logger) (string, error) {
	tick := time.NewTicker(interfacePoll)
	defer tick.Stop()
	for told := ""; ; {
		iface, err := defaultInterface()
		if err == nil {
			err = interfaceUp(iface)
		}
		if err == nil {
			return iface, nil
		}
		if told != err.Error() {
			told = err.Error()
			log.Warn("waiting for an interface to capture on", "error", err)
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("stopped before there was an interface to capture on: %w", err)
		case <-tick.C:
		}
	}
}

// settingLine is a line of argus.conf that sets something.
var settingLine = regexp.MustCompile(`(?m)^[ \t]*(ARGUS_[A-Z_]+)=`)

func namesInterface(conf string) bool {
	for _, m := range settingLine.FindAllStringSubmatch(conf, -1) {
		if m[1] == "ARGUS_INTERFACE" {
			return true
		}
	}
	return false
}

// serviceConf is our argus.conf with the admin's lines in place of ours, whichever
// argus would take first.
func serviceConf(own, iface string) string {
	settings := []string{
		"ARGUS_ACCESS_PORT=" + servicePort, `ARGUS_BIND_IP="127.0.0.1"`,
		fmt.Sprintf("ARGUS_FLOW_STATUS_INTERVAL=%g", spawnFlowInterval.Seconds()),
		fmt.Sprintf("ARGUS_MAR_STATUS_INTERVAL=%g", spawnHeartbeat.Seconds()),
		"ARGUS_DAEMON=no", "ARGUS_SET_PID=no", "ARGUS_SETUSER_ID=", "ARGUS_SETGROUP_ID=",
	}
	if iface != "" {
		settings = append(settings, "ARGUS_INTERFACE="+iface)
	}
	conf := configure(packaging.ArgusConf, settings...)
	for _, m := range settingLine.FindAllStringSubmatch(own, -1) {
		conf = configure(conf, m[1]+"=")
	}
	return conf + strings.TrimRight(own, "\n") + "\n"
}
