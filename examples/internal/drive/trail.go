package drive

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Trail is what a trail must and must not say.
type Trail struct {
	Has     []string       // patterns
	Counts  map[string]int // texts, and how often each is there
	Secrets []string       // texts that must not be there
}

// Check returns all that is wrong with a trail.
func (w Trail) Check(trail string) error {
	var errs []error
	for _, pattern := range w.Has {
		if !regexp.MustCompile(pattern).MatchString(trail) {
			errs = append(errs, fmt.Errorf("the trail lacks %s", pattern))
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
