package drive

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Trail describes the text of a trail.
type Trail struct {
	Has     []string       // regular expressions that must match
	Counts  map[string]int // how often each text occurs
	Secrets []string       // texts that must not occur
}

// Check returns an error that joins all differences between a trail and the description.
func (w Trail) Check(trail string) error {
	var errs []error
	for _, pattern := range w.Has {
		if !regexp.MustCompile(pattern).MatchString(trail) {
			errs = append(errs, fmt.Errorf("the trail does not match %s", pattern))
		}
	}
	for text, want := range w.Counts {
		if got := strings.Count(trail, text); got != want {
			errs = append(errs, fmt.Errorf("the trail has %s %d times, want %d", text, got, want))
		}
	}
	for _, secret := range w.Secrets {
		if strings.Contains(trail, secret) {
			errs = append(errs, fmt.Errorf("the trail shows the secret %q", secret))
		}
	}
	return errors.Join(errs...)
}
