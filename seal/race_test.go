//go:build race

package seal

func init() { raceDetector = true }
