//go:build !windows

package term

import "io"

// EnableColors reports whether the terminal w understands escape sequences.
func EnableColors(io.Writer) bool { return true }
