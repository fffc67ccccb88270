package argusfeed

// For the tests in package argusfeed_test, which see detection as well.
var (
	JoinTraffic   = joinTraffic
	RandomTraffic = randomTraffic
	JoinedBy      = joinedBy
)

// JoinCase tells why the letters of a case of JoinTraffic may depend on the
// interval, and which tuple's they are.
func JoinCase(t Tuple) (number int, different string, ok bool) {
	ip, isIP := t.Dst.IP()
	if !isIP || !ip.Is4() || ip.As4()[1] != 1 {
		return 0, "", false
	}
	number = int(ip.As4()[2])
	return number, joinCases[number].different, true
}

// JoinCases is how many there are.
var JoinCases = len(joinCases)
