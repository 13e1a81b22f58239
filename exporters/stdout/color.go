package stdout

import (
	"io"
	"os"
	"runtime"
)

// style is an escape sequence that sets the color or weight of text.
type style string

const (
	plain  style = "\x1b[0m"
	bold   style = "\x1b[1m"
	dim    style = "\x1b[2m"
	red    style = "\x1b[31m"
	green  style = "\x1b[32m"
	yellow style = "\x1b[33m"
	cyan   style = "\x1b[36m"
)

func (c *config) wantsColor() bool {
	if c.color != nil {
		return *c.color
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(c.writer)
}

// isTerminal reports whether w is a character device. It returns false on Windows, where
// escape sequences must be enabled first.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || runtime.GOOS == "windows" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
