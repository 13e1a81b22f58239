//go:build race

package custody_test

func init() { raceDetector = true }
