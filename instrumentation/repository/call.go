package auditrepo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
)

// Call is one call of a store that is being recorded. It is the function's that Do
// calls, while that runs, and is not for concurrent use.
type Call[T any, ID comparable] struct {
	auditor *Auditor[T, ID]
	event   audit.Event
	before  *snapshot[T]
	unknown string // why before is not known, where that was tried
	after   T
	stated  bool  // after was
	named   bool  // the target was, by the event
	problem error // of the functions of Config and of diffs
}

// What BeforeUnknownKey says where it is not the type of an error.
const (
	notStated = "not stated" // nobody tried to read it
	notCopied = "not copied" // Clone, or the diff, failed
)

// Before states what the target was before the write. It must be called ahead of the
// write where the store may change the value in place: a copy is taken at once.
func (c *Call[T, ID]) Before(value T) {
	c.before, c.unknown = nil, notCopied
	c.safely(func() error {
		before, err := c.auditor.past.take(value)
		if err == nil {
			c.before, c.unknown = before, ""
		}
		return err
	})
	c.describe(value)
}

// Read reads what the target was before the write, and states it by Before. Where that
// fails the write goes on, and the record has [BeforeUnknownKey] and no old values: the
// store decides whether there is something to write to.
func (c *Call[T, ID]) Read(ctx context.Context, from Getter[T, ID], id ID) {
	value, err := from.Get(ctx, id)
	if err != nil {
		c.safely(func() error {
			c.unknown = errorType(err)
			return nil
		})
		return
	}
	c.Before(value)
}

// After states what the target is after the write. It is looked at when the function
// has returned, and only where that succeeded.
func (c *Call[T, ID]) After(value T) { c.after, c.stated = value, true }

// safely calls what may call a function of the application. Whatever comes of that must
// not come in the way of the write or of the record.
func (c *Call[T, ID]) safely(f func() error) {
	defer func() {
		if p := recover(); p != nil {
			c.problem = errors.Join(c.problem, panicError(p))
		}
	}()
	if err := f(); err != nil {
		c.problem = errors.Join(c.problem, err)
	}
}

// describe takes the target's id from a value where it is not known, and its name.
func (c *Call[T, ID]) describe(value T) {
	if isNil(value) {
		return
	}
	config := &c.auditor.config
	if c.event.Target.ID == "" {
		c.safely(func() error { return c.identify(config.ID(value)) })
	}
	if config.Name != nil && !c.named {
		c.safely(func() error {
			c.event.Target.Name = config.Name(value)
			return nil
		})
	}
}

// identify sets the target's id. The zero id is that of a value which has none yet.
func (c *Call[T, ID]) identify(id ID) error {
	var none ID
	if id == none {
		return nil
	}
	text, err := c.auditor.formatID(id)
	c.event.Target.ID = text
	return err
}

// conclude records how the call ended. It returns nil if everything was recorded.
func (c *Call[T, ID]) conclude(ctx context.Context, end func() error, returned bool, err error) *TrackError {
	done := returned && err == nil
	if done {
		c.succeed()
	} else {
		c.fail(returned, err)
	}
	event := c.event
	event.Time = time.Now()
	if event.ID.IsZero() {
		event.ID = audit.NewIDAt(event.Time)
	}
	tracker := c.auditor.tracker
	failed := tracker.Track(ctx, event)
	ended := end()
	if c.problem == nil && failed == nil && ended == nil {
		return nil
	}
	e := &TrackError{Done: done, Err: errors.Join(c.problem, failed, ended), called: true}
	if failed != nil {
		event.Metadata, event.Changes = slices.Clone(event.Metadata), slices.Clone(event.Changes) // the caller's
		e.retry = func(ctx context.Context) error { return tracker.Track(ctx, event) }
	}
	return e
}

// succeed fills in what a write that was done says.
func (c *Call[T, ID]) succeed() {
	c.event.Outcome = audit.OutcomeSuccess
	if c.stated {
		c.describe(c.after)
	}
	if len(c.event.Changes) == 0 {
		c.safely(c.compare)
	}
}

// fail fills in what a write that was tried says: nothing has changed.
func (c *Call[T, ID]) fail(returned bool, err error) {
	c.event.Changes = nil
	c.event.Outcome = audit.OutcomeFailure
	why := aborted
	if returned {
		c.safely(func() error {
			why = errorType(err)
			if c.auditor.config.Denied(err) {
				c.event.Outcome = audit.OutcomeDenied
			}
			return nil
		})
	}
	c.add(ErrorTypeKey.String(why))
	if c.event.Target.ID == "" && c.stated && !isNil(c.after) {
		c.safely(func() error { return c.identify(c.auditor.config.ID(c.after)) })
	}
}

// compare sets the changes of a write that succeeded.
func (c *Call[T, ID]) compare() (err error) {
	past, e := c.auditor.past, &c.event
	switch {
	case c.before != nil && c.stated:
		e.Changes, err = past.changes(c.before, c.after)
	case c.before != nil && e.Operation == audit.OperationDelete:
		e.Changes, err = past.removal(c.before)
	case c.before != nil:
	case c.stated && e.Operation == audit.OperationCreate:
		e.Changes, err = past.creation(c.after)
	case c.stated:
		if c.unknown == "" {
			c.unknown = notStated
		}
		e.Changes, err = past.creation(c.after)
	}
	if c.unknown != "" && c.before == nil {
		c.add(BeforeUnknownKey.String(c.unknown))
	}
	return err
}

// add adds metadata, unless the event states the key itself.
func (c *Call[T, ID]) add(kv attribute.KeyValue) {
	stated := func(other attribute.KeyValue) bool { return other.Key == kv.Key }
	if !slices.ContainsFunc(c.event.Metadata, stated) {
		c.event.Metadata = append(slices.Clip(c.event.Metadata), kv)
	}
}
