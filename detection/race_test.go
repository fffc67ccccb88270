//go:build race

package detection

// raceDetector tells whether the tests run with it.
const raceDetector = true
