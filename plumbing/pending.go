package plumbing

import (
	"context"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
)

// Wait waits until the events that are being tracked in s, or are expected, have been
// recorded, held or rejected. It returns an error if ctx ends before, or if that takes longer
// than the track timeout. If s is nil, Wait returns nil.
func Wait(ctx context.Context, s *audit.Scope) error { return inside.Audit.Wait(ctx, s) }

// Expect announces an event that another goroutine will track: the End of s and of the outer
// scopes waits for done, as it waits for Track calls. The caller must call done soon; further
// calls do nothing. s may be nil.
//
// Expect is for integrations that must not wait and forward events through a queue.
func Expect(s *audit.Scope) (done func()) { return inside.Audit.ExpectEvent(s) }
