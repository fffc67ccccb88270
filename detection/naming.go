package detection

import (
	"strings"

	"slips-ips/argusfeed"
)

// The classes of behaviour, for what no model has a name for.
const (
	// BeaconRegular comes back like a clock, BeaconJittered with a tolerance,
	// BeaconSlow less often than once an hour.
	BeaconRegular  = "beacon-regular"
	BeaconJittered = "beacon-jittered"
	BeaconSlow     = "beacon-slow"
	// Session is a lasting conversation of many contacts without a beat.
	Session = "session"
	// Attempt is a destination that never answers and is tried on and on.
	Attempt = "attempt"
	// DGADNS is a resolver that is asked like a clock, Spam mail sent alike.
	DGADNS = "dga-dns"
	Spam   = "spam"
)

// The limits between the classes.
const (
	regularSpread  = 0.05
	jitteredSpread = 0.35
	slowGap        = 3300 // seconds: an hour, with tolerance
	attemptShare   = 0.8  // of the contacts that nobody answered
)

// class is a class of behaviour; the zero value is none.
type class uint8

const (
	noClass class = iota
	beaconRegular
	beaconJittered
	beaconSlow
	session
	attempt
	dgaDNS
	spam
)

// String gives the name of the class.
func (c class) String() string {
	return [...]string{noClass: "", beaconRegular: BeaconRegular, beaconJittered: BeaconJittered, beaconSlow: BeaconSlow,
		session: Session, attempt: Attempt, dgaDNS: DGADNS, spam: Spam}[c]
}

func behaviourClass(t argusfeed.Tuple, a *assessment) class {
	port, _ := t.Port.Number()
	switch r := &a.rhythm; {
	case port == 53:
		return dgaDNS
	case port == 25 || port == 465 || port == 587:
		return spam
	case r.Failed >= attemptShare:
		return attempt
	case r.Gap >= slowGap:
		return beaconSlow
	case r.GapSpread <= regularSpread:
		return beaconRegular
	case r.GapSpread <= jitteredSpread:
		return beaconJittered
	}
	return session
}

// applications are the names of ports in labels.
var applications = map[uint16]string{
	21: "FTP", 22: "SSH", 25: "SMTP", 465: "SMTP", 587: "SMTP", 53: "DNS", 80: "HTTP", 8080: "HTTP", 443: "HTTPS",
}

// genericPrefix begins the label of what is detected by no likeness to known
// malware; the shipped policy asks for more evidence there.
const genericPrefix = "From-Generic-"

// genericNames makes the names that a class of behaviour is reported with.
// There are few: one for each protocol, application and class.
type genericNames map[string]*modelName

func (g *genericNames) name(t argusfeed.Tuple, class string) *modelName {
	application := "Unknown"
	if port, ok := t.Port.Number(); ok && applications[port] != "" {
		application = applications[port]
	}
	proto := t.Proto.String()
	if m := (*g)[proto+application+class]; m != nil {
		return m
	}
	m := &modelName{
		label: genericPrefix + strings.ToUpper(strings.ReplaceAll(proto, "-", "")) + "-" + application + "-" + class,
		file:  "classifier.toml",
	}
	if *g == nil {
		*g = make(genericNames)
	}
	(*g)[proto+application+class] = m
	return m
}
