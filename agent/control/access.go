package control

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
)

// access says who may do what. Its groups may be noGroup.
type access struct{ reader, admin int }

// peer is the process at the other end of a connection, as the kernel knew it
// when it connected.
type peer struct {
	uid    uint32
	groups []uint32 // the group it ran as, and the supplementary ones
	pid    int32
}

// mayRead tells whether p may ask for anything.
func (a access) mayRead(p peer) bool { return a.mayChange(p) || p.in(a.reader) }

// mayChange tells whether p may change anything: root, whoever the agent itself
// runs as, and the admins.
func (a access) mayChange(p peer) bool {
	return p.uid == 0 || int(p.uid) == os.Geteuid() || p.in(a.admin)
}

func (p peer) in(group int) bool {
	return group != noGroup && slices.Contains(p.groups, uint32(group))
}

// forbidden says why p may not, and what helps.
func (a access) forbidden(p peer, change bool) error {
	need, what := a.reader, "ask the agent"
	if change {
		need, what = a.admin, "change anything"
	}
	who := "only root may"
	if need != noGroup {
		who = fmt.Sprintf("only root and members of the group %s may (a new member has to log in again)", groupName(need))
	}
	return fmt.Errorf("%w: user %s may not %s; %s", ErrForbidden, strconv.Itoa(int(p.uid)), what, who)
}

func groupName(gid int) string {
	id := strconv.Itoa(gid)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}
