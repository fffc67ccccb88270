package enforce

// Inspection is what this host has that bears on enforcement. It serialises to
// JSON, for `slips-ips doctor`.
type Inspection struct {
	// NetAdmin tells whether the process may change nftables.
	NetAdmin bool `json:"net_admin"`
	// Kernel is its release.
	Kernel string `json:"kernel"`
	// Owner and Persist tell whether it knows these flags of tables.
	Owner   bool `json:"owner_flag"`
	Persist bool `json:"persist_flag"`
	// Table says what stands under the name of ours: "absent", "ours", "foreign",
	// or what is wrong with it.
	Table string `json:"table"`
	// Firewalls are other programs that are known by their tables: docker,
	// firewalld, ufw, iptables, fail2ban, crowdsec and the like.
	Firewalls []string `json:"firewalls"`
	// Chains are the base chains of other tables, in the order of hook and
	// priority.
	Chains []BaseChain `json:"chains"`
	// Flowtables let forwarded connections bypass us after their first packets.
	Flowtables []Flowtable `json:"flowtables"`
	// Forwarding4 and Forwarding6 tell whether this host forwards.
	Forwarding4 bool `json:"forwarding_ipv4"`
	Forwarding6 bool `json:"forwarding_ipv6"`
	// Bridges have ports between which frames pass without us, unless
	// BridgeFiltered4 and BridgeFiltered6 (br_netfilter).
	Bridges         []Bridge `json:"bridges"`
	BridgeFiltered4 bool     `json:"bridge_nf_call_iptables"`
	BridgeFiltered6 bool     `json:"bridge_nf_call_ip6tables"`
	// Warnings say in words what of this an admin should know.
	Warnings []string `json:"warnings"`
}

// BaseChain is a chain that packets reach by a hook.
type BaseChain struct {
	Family   string `json:"family"`
	Table    string `json:"table"`
	Chain    string `json:"chain"`
	Type     string `json:"type"`
	Hook     string `json:"hook"`
	Priority int    `json:"priority"`
	// Policy is accept or drop.
	Policy string `json:"policy"`
}

// Flowtable is a set of offloaded connections.
type Flowtable struct {
	Family  string   `json:"family"`
	Table   string   `json:"table"`
	Name    string   `json:"name"`
	Devices []string `json:"devices"`
}

// Bridge is a bridge with its ports.
type Bridge struct {
	Name  string   `json:"name"`
	Ports []string `json:"ports"`
}
