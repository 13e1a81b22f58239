//go:build race

package retention_test

func init() { raceDetector = true }
