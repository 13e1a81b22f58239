package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestInterrupted: who interrupts a command still reads what is left half done.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{ctx.Err(), "deed: interrupted\n"},
		{fmt.Errorf("%w; backup is no backup, remove it", ctx.Err()), "deed: context canceled; backup is no backup, remove it\ndeed: interrupted\n"},
	} {
		var stderr strings.Builder
		a := &app{stderr: &stderr}
		assert.Equal(t, exitInterrupted, a.report(ctx, nil, c.err))
		assert.Equal(t, c.want, stderr.String())
	}
}
