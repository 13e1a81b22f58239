//go:build race

package config_test

func init() { raceDetector = true }
