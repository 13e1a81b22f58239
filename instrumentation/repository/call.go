package auditrepo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/errortype"
	"github.com/opendeed/audit/internal/uuid"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Call is one call of a store that Do records. The function that Do calls owns it until
// it returns. A Call is not safe for concurrent use.
type Call[T any, ID comparable] struct {
	auditor *Auditor[T, ID]
	event   audit.Event

	before        *snapshot[T]
	beforeUnknown string // why before is nil after an attempt to set it
	after         T
	hasAfter      bool
	requested     bool  // after is what the store was asked for
	unchanged     bool  // the store did nothing
	hasName       bool  // the caller's event names the target
	err           error // of Config's functions and of diffs
}

// The values of semconv.RepositoryBeforeUnknownKey that are not error types.
const (
	beforeNotSet    = "not set"    // neither SetBefore nor ReadBefore was called
	beforeNotCopied = "not copied" // Clone or the diff failed
)

// SetBefore sets the value that the target had before the write. Call it before the
// write if the store may change the value in place: SetBefore copies it at once.
func (c *Call[T, ID]) SetBefore(value T) {
	c.before, c.beforeUnknown = nil, beforeNotCopied
	c.try(func() error {
		before, err := c.auditor.snapshots.take(value)
		if err == nil {
			c.before, c.beforeUnknown = before, ""
		}
		return err
	})
	c.describeTarget(value)
}

// ReadBefore gets the current value from the store and passes it to SetBefore. If Get
// fails, the record has [semconv.RepositoryBeforeUnknownKey] and no old values. ReadBefore returns no
// error, so that the store itself decides whether the write can succeed.
func (c *Call[T, ID]) ReadBefore(ctx context.Context, from Getter[T, ID], id ID) {
	value, err := from.Get(ctx, id)
	if err != nil {
		c.try(func() error {
			c.beforeUnknown = errortype.Of(err)
			return nil
		})
		return
	}
	c.SetBefore(value)
}

// SetAfter sets the value that the target has after the write: the one that the store
// returned, or that was read again. The value is not copied; it is read after the function
// returns, and compared only if the function succeeded.
func (c *Call[T, ID]) SetAfter(value T) { c.after, c.hasAfter, c.requested = value, true, false }

// SetRequested is like SetAfter, for the value that the store was asked to write if it is
// not known what it wrote. The record has the mark "requested" on its changes.
func (c *Call[T, ID]) SetRequested(value T) { c.after, c.hasAfter, c.requested = value, true, true }

// SetUnchanged says that the store did nothing: the value that it was to create existed, or
// nothing matched. If the function returns nil all the same, the call is recorded as a
// failure without changes, which says so.
func (c *Call[T, ID]) SetUnchanged() { c.unchanged = true }

// returned sets the value after the write to the one that the store returned, unless it is
// nil or the store failed.
func (c *Call[T, ID]) returned(after T, err error) (T, error) {
	if err == nil && !isNil(after) {
		c.SetAfter(after)
	}
	return after, err
}

// readAfter reads the value after a write that returned none, if Config.ReadAfter is set.
func (c *Call[T, ID]) readAfter(ctx context.Context, from Getter[T, ID]) {
	if !c.auditor.config.ReadAfter || !c.requested || c.unchanged {
		return
	}
	id, ok := c.setTargetOf(c.after)
	if !ok {
		return
	}
	if value, err := from.Get(ctx, id); err == nil {
		c.SetAfter(value)
	}
}

// try calls f, which may call functions of the application, and keeps its error or
// panic in c.err. Neither may stop the write or the record.
func (c *Call[T, ID]) try(f func() error) {
	defer func() {
		if p := recover(); p != nil {
			c.err = errors.Join(c.err, panicError(p))
		}
	}()
	if err := f(); err != nil {
		c.err = errors.Join(c.err, err)
	}
}

// describeTarget sets the target's id, if it has none yet, and its name from a value.
func (c *Call[T, ID]) describeTarget(value T) {
	if isNil(value) {
		return
	}
	config := &c.auditor.config
	if c.event.Target.ID == "" {
		c.try(func() error { return c.setTargetID(config.ID(value)) })
	}
	if config.Name != nil && !c.hasName {
		c.try(func() error {
			c.event.Target.Name = config.Name(value)
			return nil
		})
	}
}

// setTargetID sets the target's id. The zero id belongs to a value that has none yet.
func (c *Call[T, ID]) setTargetID(id ID) error {
	var zero ID
	if id == zero {
		return nil
	}
	text, err := c.auditor.formatID(id)
	c.event.Target.ID = text
	return err
}

// setTargetOf sets the target's id to that of a value, and returns it. It reports false
// if the value has no id because it is nil or Config.ID panics.
func (c *Call[T, ID]) setTargetOf(value T) (id ID, ok bool) {
	if isNil(value) {
		return id, false
	}
	c.try(func() error {
		id = c.auditor.config.ID(value)
		ok = true
		return c.setTargetID(id)
	})
	return id, ok
}

// finish records the outcome of the call and ends its scope with end. It returns a *TrackError unless
// everything was recorded.
func (c *Call[T, ID]) finish(ctx context.Context, end func() error, returned bool, err error) error {
	done := returned && err == nil
	switch {
	case done && c.unchanged:
		c.setNothingDone()
	case done:
		c.setSuccess()
	default:
		c.setFailure(returned, err)
	}
	event := c.event
	event.Time = time.Now()
	if event.ID.IsZero() {
		event.ID = uuid.At(event.Time)
	}
	tracker := c.auditor.tracker
	track := func(ctx context.Context) error { return tracker.Track(plumbing.Afterwards(ctx), event) }
	trackErr := track(ctx)
	endErr := end()
	if c.err == nil && trackErr == nil && endErr == nil {
		return nil
	}
	e := &TrackError{Done: done, Err: errors.Join(c.err, trackErr, endErr), called: true}
	if trackErr != nil {
		// The caller may change its slices before it calls Retry.
		event.Metadata, event.Changes = slices.Clone(event.Metadata), slices.Clone(event.Changes)
		e.retry = track
	}
	return e
}

// setSuccess completes the event of a call that succeeded.
func (c *Call[T, ID]) setSuccess() {
	c.event.Outcome = audit.OutcomeSuccess
	if c.hasAfter {
		c.describeTarget(c.after)
	}
	if len(c.event.Changes) > 0 {
		return
	}
	c.try(c.setChanges)
	if c.requested && len(c.event.Changes) > 0 {
		c.event.Marks = append(slices.Clip(c.event.Marks), mark.Mark{Path: "changes", Kind: mark.Requested})
	}
}

// setNothingDone completes the event of a call that had no effect.
func (c *Call[T, ID]) setNothingDone() {
	c.event.Changes = nil
	c.event.Outcome = audit.OutcomeFailure
	if c.event.Failure == "" {
		c.event.Failure = nothingDone[c.event.Operation]
	}
	if c.hasAfter {
		c.describeTarget(c.after)
	}
}

// nothingDone says, by operation, that the store had nothing to do.
var nothingDone = [...]string{
	audit.OperationUnspecified: "nothing was done",
	audit.OperationCreate:      "nothing was created",
	audit.OperationRead:        "nothing was read",
	audit.OperationUpdate:      "nothing was updated",
	audit.OperationDelete:      "nothing was deleted",
	audit.OperationExecute:     "nothing was done",
	audit.OperationLogin:       "nothing was done",
	audit.OperationLogout:      "nothing was done",
}

// setFailure completes the event of a call that failed or did not return. It has no
// changes.
func (c *Call[T, ID]) setFailure(returned bool, err error) {
	c.event.Changes = nil
	c.event.Outcome = audit.OutcomeFailure
	why := errortype.Aborted
	if returned {
		c.try(func() error {
			why = errortype.Of(err)
			if c.auditor.config.Denied(err) {
				c.event.Outcome = audit.OutcomeDenied
			}
			return nil
		})
	}
	c.addMetadata(semconv.ErrorTypeKey.String(why))
	if c.event.Target.ID == "" && c.hasAfter && !isNil(c.after) {
		c.try(func() error { return c.setTargetID(c.auditor.config.ID(c.after)) })
	}
}

// setChanges compares the values before and after.
func (c *Call[T, ID]) setChanges() (err error) {
	snapshots, e := c.auditor.snapshots, &c.event
	switch {
	case c.before != nil && c.hasAfter:
		e.Changes, err = snapshots.diff(c.before, c.after)
	case c.before != nil && e.Operation == audit.OperationDelete:
		e.Changes, err = snapshots.diffDeleted(c.before)
	case c.before != nil:
	case c.hasAfter && e.Operation == audit.OperationCreate:
		e.Changes, err = snapshots.diffCreated(c.after)
	case c.hasAfter:
		if c.beforeUnknown == "" {
			c.beforeUnknown = beforeNotSet
		}
		e.Changes, err = snapshots.diffCreated(c.after)
	}
	if c.beforeUnknown != "" && c.before == nil {
		c.addMetadata(semconv.RepositoryBeforeUnknownKey.String(c.beforeUnknown))
	}
	return err
}

// addMetadata adds kv unless the caller's event has the key.
func (c *Call[T, ID]) addMetadata(kv attribute.KeyValue) {
	sameKey := func(other attribute.KeyValue) bool { return other.Key == kv.Key }
	if !slices.ContainsFunc(c.event.Metadata, sameKey) {
		c.event.Metadata = append(slices.Clip(c.event.Metadata), kv)
	}
}
