package train

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"slips-ips/argusfeed"
)

// fewStrings is how many harmless strings a host needs to be a fold of its own:
// those that have fewer are one fold together.
const fewStrings = 10

// namedHosts is how many hosts a fold may have and still be named after them.
const namedHosts = 3

// letterFolds numbers the hosts of strings by folds, and names these. Hosts that
// call the same command and control are of one fold.
func letterFolds(letters []*Sample) (of map[argusfeed.Addr]int, names []string) {
	harmless, calls := make(map[argusfeed.Addr]int), make(map[argusfeed.Addr][]argusfeed.Addr)
	for _, s := range letters {
		switch s.Class {
		case CC:
			calls[s.Tuple.Src] = append(calls[s.Tuple.Src], s.Tuple.Dst)
		case Benign:
			harmless[s.Tuple.Src]++
		}
	}
	var hosts []argusfeed.Addr
	for host := range calls {
		hosts = append(hosts, host)
	}
	for host := range harmless {
		if calls[host] == nil {
			hosts = append(hosts, host)
		}
	}
	slices.SortFunc(hosts, func(a, b argusfeed.Addr) int { return cmp.Compare(a.String(), b.String()) })

	first := make(map[argusfeed.Addr]int) // by server, the first host that calls it
	few := -1                             // the first host with few strings
	with := make([]int, len(hosts))       // the first host of the same fold
	for i, host := range hosts {
		with[i] = i
		if calls[host] == nil && harmless[host] < fewStrings {
			if few < 0 {
				few = i
			}
			with[i] = few
		}
		for _, server := range calls[host] {
			k, ok := first[server]
			if !ok {
				first[server] = i
				continue
			}
			from, to := with[i], with[k]
			for n := range with[:i+1] {
				if with[n] == from {
					with[n] = to
				}
			}
		}
	}
	of = make(map[argusfeed.Addr]int)
	number := make(map[int]int)
	var members [][]string
	for i, host := range hosts {
		fold, ok := number[with[i]]
		if !ok {
			fold = len(members)
			number[with[i]] = fold
			members = append(members, nil)
		}
		of[host] = fold
		members[fold] = append(members[fold], host.String())
	}
	for _, m := range members {
		if len(m) > namedHosts {
			m = []string{fmt.Sprintf("%d other hosts", len(m))}
		}
		names = append(names, strings.Join(m, ", "))
	}
	return of, names
}
