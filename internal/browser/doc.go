// Package browser is test equipment: a headless Chromium that visits the page of an
// agent, over its control socket or its address on loopback, and what the tests and
// the pictures of README.md need of it.
package browser
