// Package policy answers detections: block, alert or ignore, for how long, and
// why in words.
//
// # What decides
//
// The first rule that a detection fits says what is to be done; where none
// fits, [Config.Action] does. Alert and ignore are done at once. A block also
// needs all of the following, and becomes an alert that names the first one
// missing:
//
//  1. The tuple is confirmed: so many matches within so many time windows.
//     Every flow after which the tuple matched a malicious model is one match,
//     whichever model it was, and several in one window count as several. The
//     last W windows are the span of W window widths that ends with the match
//     being decided, so it makes no difference where windows begin.
//  2. The kernel can match the tuple: two different addresses of one IP
//     version, an IP protocol, and a port number where the protocol has ports.
//  3. The flow began less than [MaxAge] ago: stored flows block nobody today.
//  4. No end of it is protected ([Protected]). A protected destination is never
//     blocked, nor is a protected source, with one exception: an address of
//     this host may be the source of a block of scope tuple, because that cuts
//     one service of one peer and nothing else of the host's. It is how a
//     workstation's own command-and-control connection is stopped. The exception
//     does not hold for a router ([KindRouter]): the clients that it masquerades
//     seem to come from its address, and are forwarded under another one, so
//     that such a block would stop the router's own connection and miss theirs.
//     An address that is protected for another reason as well (a gateway, an
//     entry of [protect]) keeps that protection. IPv4-mapped IPv6 addresses
//     count as the IPv4 addresses in them.
//  5. It is not blocked already, or that block has little time left: then it
//     is renewed.
//  6. Fewer than [Config.MaxBlocks] blocks are in force. Renewals are free.
//
// # By hand
//
// [Engine.ByHand] answers a person with the same guards from 2 on, but for the
// age. Force overrides max_blocks and what the admin allows ([KindAllow]), and
// nothing else: no force blocks this host's own addresses, its gateways, resolvers
// or feeds, nor a special range. Such a block stays marked ([Block.Forced]), so
// that the allowed address does not lift it again.
//
// # Another policy
//
// An engine does not change; another one takes over the evidence with
// [Engine.Adopt], and [Engine.Review] tells of the blocks in force which of them
// it would not have made.
//
// # What it is not
//
// Policy reads no clock, opens no file and keeps no global state: times, ids,
// protected addresses and the blocks in force arrive with the question
// ([View]), and the same question gets the same answer. It finds no gateways
// and writes to no kernel; agent and enforce do.
//
// # Concurrency
//
// [Engine] and [Protected] never change after they were made and are safe for
// concurrent use. [Tracker] belongs to one goroutine. Decisions and blocks are
// values.
package policy
