//go:build race

package querytest

func init() { raceDetector = true }
