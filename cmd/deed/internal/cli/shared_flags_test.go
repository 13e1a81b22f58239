package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each command that is said to use a flag exists, and the help of others does not show it.
func TestSharedFlags(t *testing.T) {
	t.Parallel()
	a := &app{stdout: io.Discard, stderr: io.Discard}
	names := []string{}
	for _, cmd := range subcommands(a.root()) {
		name := nameOf(cmd)
		names = append(names, name)
		help := helpText(cmd, helpWidth)
		for flag, users := range usedBy {
			if !cmd.HasAvailableSubCommands() {
				assert.Equal(t, slices.Contains(users, name), strings.Contains(help, "\n  --"+flag+" "), "%s --%s", name, flag)
			}
		}
	}
	for flag, users := range usedBy {
		assert.Subset(t, names, users, flag)
	}
}
