// Package bracket calls a function and then what must follow it.
package bracket

import (
	"errors"
	"fmt"
)

// Call calls fn and then end, also when fn panics or ends its goroutine: then returned is
// false. If end fails, Call joins their errors. A panic of fn continues with the same value,
// and the error of end is reported.
func Call(fn func() error, end func(returned bool, err error) error, report func(error)) (err error) {
	returned := false
	defer func() {
		endErr := end(returned, err)
		switch {
		case endErr == nil: // fn's error is unchanged
		case returned:
			err = errors.Join(err, endErr)
		default:
			report(fmt.Errorf("audit: a function panicked or ended its goroutine, and its scope or attempt ended with an error: %w", endErr))
		}
	}()
	err = fn()
	returned = true
	return err
}
