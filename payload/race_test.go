//go:build race

package payload

func init() { raceDetector = true }
