//go:build race

package testenv

// Race tells whether the tests run with the race detector.
const Race = true
