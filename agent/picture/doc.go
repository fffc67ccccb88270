// Package picture draws what is known of a tuple as SVG: its letters, its contacts
// over time, the gaps between them and their sizes, and its score against the
// threshold.
//
// It takes plain values and knows nothing of the agent. What it draws stands alone,
// asks for nothing from elsewhere, and has no script. Text from outside is written
// as text: it cannot become markup, and what XML has no character for is replaced.
// Each picture tells in words what it shows, for those who cannot see it, and
// nothing is told by colour alone.
//
// [Picture.Inline] is for a page that has [Style] in its own style sheet, so that a
// strict content security policy holds; [Picture.WriteFile] brings its own.
//
// # Concurrency
//
// A [Picture] is a value that is not changed after it was drawn.
package picture
