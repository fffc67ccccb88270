// Package web is the page for people: how the agent is, tuples with their letters
// as pictures, alerts, blocks and allow entries with what can be done about them,
// the models, and the policy with a what-if box. docs/web.md describes it.
//
// [Pages] answers below /ui/ for a visitor that somebody else vouches for: the
// control socket, whose visitors the kernel names, or [Server], which listens on
// loopback and asks for a token. There each visitor has an allowance of his own, by his
// login or else by the user that the kernel names. It knows nothing of detection or blocks; it asks
// an [Agent].
//
// All is made on the server with html/template from embedded files. It works
// without a script; the one there is only fetches the same page again. Nothing is
// changed by GET, every form carries a token of its visitor, and what is changed is
// asked about first. What comes from outside is text, never markup; the content
// security policy allows no script and no style but the embedded ones.
//
// # Concurrency
//
// [Pages] and [Server] are safe for concurrent use.
package web
