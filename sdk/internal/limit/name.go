package limit

import (
	"github.com/opendeed/audit/internal/sanitize"
)

// Name returns the name or the version of a tracker as it is recorded: escaped, and without
// the end if it is too long. It is the same in all records of the tracker, so it needs no
// mark.
func Name(name string) string { return escaped(name, maxPath) }

// escaped returns a text of the SDK's own, which may be escaped already, as it is recorded.
func escaped(text string, longest int) string {
	if len(text) > longest || !sanitize.Plain(text) {
		text, _ = sanitize.EscapePrefix(text, sanitize.Line, longest, 2*longest)
	}
	return text
}
