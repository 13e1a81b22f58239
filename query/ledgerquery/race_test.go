//go:build race

package ledgerquery_test

func init() { raceDetector = true }
