package argusfeed

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// The places of the argus of slips-ips-argus.service.
const (
	// ServiceURL is the source that it is for the agent.
	ServiceURL = "argus://127.0.0.1:" + servicePort
	// DefaultServiceConf is what the admin has to say to it.
	DefaultServiceConf = "/etc/slips-ips/argus.conf"
)

// ServiceConf is the admin's argus.conf for an argus of BecomeArgus.
type ServiceConf struct {
	path string
	// set are the names of the settings, text is all of the file.
	set  []string
	text string
	// named are the interfaces and line where; all tells that there is "any" or
	// "all", which is there whatever there is.
	named []string
	line  int
	all   bool
}

// settingNames are the lines that argus 3.0.8 knows, without ARGUS_. It passes over
// others in silence: a misspelt ARGUS_INTERFACE would watch another interface.
var settingNames = strings.Fields(`ACCESS_PORT ARP_TIMEOUT BIND_IP CAPTURE_DATA_LEN CAPTURE_FULL_CONTROL_DATA CHROOT_DIR COLLECTOR DAEMON DEBUG_LEVEL
	ENV EVENT_DATA FILTER FILTER_OPTIMIZER FLOW_KEY FLOW_STATUS_INTERVAL FLOW_TYPE FRAG_TIMEOUT GENERATE_APPBYTE_METRIC
	GENERATE_BIDIRECTIONAL_TIMESTAMPS GENERATE_JITTER_DATA GENERATE_MAC_DATA GENERATE_PACKET_SIZE GENERATE_RESPONSE_TIME_DATA
	GENERATE_START_RECORDS GENERATE_TCP_PERF_METRIC GO_PROMISCUOUS ICMP_TIMEOUT IGMP_TIMEOUT INTERFACE IP_TIMEOUT JITTER_HISTOGRAM
	KEYSTROKE KEYSTROKE_CONF MAR_STATUS_INTERVAL MAX_SSF MIN_SSF MONITOR_ID OTHER_TIMEOUT OUTPUT_FILE OUTPUT_STREAM
	PACKET_CAPTURE_FILE PACKET_CAPTURE_ON_ERROR PCAP_BUF_SIZE PID_PATH SELF_SYNCHRONIZE SETGROUP_ID SETUSER_ID SET_PID
	TCP_TIMEOUT TRACK_DUPLICATES TUNNEL_DISCOVERY`)

// ReadServiceConf reads an argus.conf; one that is missing says nothing. A line that
// argus would pass over is an error.
func ReadServiceConf(path string) (ServiceConf, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ServiceConf{}, fmt.Errorf("reading the configuration of argus: %w", err)
	}
	c, err := parseServiceConf(path, string(text))
	if err != nil {
		return ServiceConf{}, fmt.Errorf("reading the configuration of argus: %w", err)
	}
	return c, nil
}

func parseServiceConf(path, text string) (ServiceConf, error) {
	c := ServiceConf{path: path, text: text}
	n := 0
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		n++
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == '!' { // comments, as argus takes them
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		short, argus := strings.CutPrefix(name, "ARGUS_")
		if !ok || !argus {
			return c, fmt.Errorf("%s, line %d: %.80q is no setting; write NAME=VALUE, as in ARGUS_INTERFACE=eth0, or # before it", path, n, line)
		}
		if !slices.Contains(settingNames, short) {
			return c, fmt.Errorf("%s, line %d: argus has no setting %.80s; argus.conf(5) lists them", path, n, name)
		}
		c.set = append(c.set, name)
		if short == "INTERFACE" {
			c.line = n
			if err := c.name(value); err != nil {
				return c, fmt.Errorf("%s, line %d: %w", path, n, err)
			}
		}
	}
	return c, nil
}

// name takes the interfaces of a line: eth0, "eth0", ind:eth0/1,eth1/2 or any.
func (c *ServiceConf) name(value string) error {
	before := len(c.named)
	value = strings.Trim(strings.TrimSpace(value), `"`)
	for one := range strings.SplitSeq(strings.NewReplacer("[", "", "]", "").Replace(value), ",") {
		for _, how := range []string{"ind:", "dup:", "bond:"} {
			one = strings.TrimPrefix(strings.TrimSpace(one), how)
		}
		one, _, _ = strings.Cut(one, "/") // the rest is an id
		switch one = strings.Trim(one, `"`); one {
		case "":
		case anyInterface, "all":
			c.all = true
		default:
			c.named = append(c.named, one)
		}
	}
	if len(c.named) == before && !c.all {
		return errors.New("it names no interface; write ARGUS_INTERFACE=eth0, or # before it for that of the default route")
	}
	return nil
}

// Interfaces gives those that argus captures on, any among them, or what it waits
// for: one that is named and is not there or down, or a default route where none
// is named.
func (c ServiceConf) Interfaces() ([]string, error) {
	list := slices.Clone(c.named)
	if c.all {
		list = append(list, anyInterface)
	}
	if len(list) == 0 {
		iface, err := defaultInterface()
		if err != nil {
			return nil, err
		}
		return []string{iface}, interfaceUp(iface)
	}
	for _, iface := range c.named {
		if err := interfaceUp(iface); err != nil {
			return list, fmt.Errorf("%w (ARGUS_INTERFACE in %s, line %d; ip link lists what there is)", err, c.path, c.line)
		}
	}
	return list, nil
}

// Named tells whether the admin says which interfaces they are.
func (c ServiceConf) Named() bool { return c.line > 0 }

// ServiceTrouble tells what keeps the argus of slips-ips-argus.service from its work,
// as far as its configuration and the interfaces say; nil: nothing is known.
func ServiceTrouble(path string) error {
	c, err := ReadServiceConf(path)
	if err != nil {
		return err
	}
	if _, err := c.Interfaces(); err != nil {
		return fmt.Errorf("its argus waits for an interface: %w", err)
	}
	return nil
}
