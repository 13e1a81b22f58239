// Package panics describes recovered panics without showing what they hold.
package panics

import (
	"fmt"
	"runtime"
)

// Error describes a recovered panic by its type, or by its text if it is a runtime
// error. It never shows the value, which may hold anything.
func Error(p any) error {
	if re, ok := p.(runtime.Error); ok {
		return fmt.Errorf("it panicked: %w", re)
	}
	return fmt.Errorf("it panicked with a %T", p)
}
