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
//  1. There is the evidence that the rule asks for: so many matches within so
//     many time windows, so many flows, so high a probability. Every flow after
//     which the tuple matched a malicious model is one match, whichever model it
//     was, and several in one window count as several. The last W windows are the
//     span of W window widths that ends with the match being decided, so it makes
//     no difference where windows begin. Evidence decays by them: a match counts
//     in full within the span, and then no more. One that a normal model fits as
//     well is none, and takes the one before it away.
//  2. The agent has run for the rule's grace ([View.Started]).
//  3. The kernel can match what the scope covers ([UnblockableAs]): two different
//     addresses of one IP version and, for a single tuple, an IP protocol, and a
//     port number where the protocol has ports.
//  4. The flow began less than [MaxAge] ago: stored flows block nobody today.
//  5. No end of it is protected ([Protected]). A protected destination is never
//     blocked, nor is a protected source, with two exceptions. An address of
//     this host may be the source of a block of scope destination, which does not
//     name it. And it may be the source of a block of scope tuple, because that cuts
//     one service of one peer and nothing else of the host's. It is how a
//     workstation's own command-and-control connection is stopped. This one
//     does not hold for a router ([KindRouter]): the clients that it masquerades
//     seem to come from its address, and are forwarded under another one, so
//     that such a block would stop the router's own connection and miss theirs.
//     An address that is protected for another reason as well (a gateway, an
//     entry of [protect]) keeps that protection. IPv4-mapped IPv6 addresses
//     count as the IPv4 addresses in them.
//  6. Blocking is not paused ([View.Paused]).
//  7. It is not blocked already, in this scope or one around it, or that block has
//     little time left: then it is renewed.
//  8. There is room: [Config.MaxBlocks] and each limit of [Budget], the last part of
//     which is for what is grave. Renewals are free.
//
// # For how long
//
// What was blocked before ([Offences]) is blocked for longer each time. What is in
// force is counted by a [Ledger]. Both are made again from a history of blocks, so
// that a restart forgets nothing.
//
// # By hand
//
// [Engine.ByHand] answers a person with the same guards from 3 on, but for the
// age and the budget other than max_blocks. Force overrides max_blocks and what the admin allows ([KindAllow]), and
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
// [Engine], [Protected] and [Home] never change after they were made and are safe
// for concurrent use. [Tracker], [Ledger] and [Offences] belong to one goroutine.
// Decisions and blocks are values.
package policy
