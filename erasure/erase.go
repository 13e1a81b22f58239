package erasure

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Request asks for the erasure of a subject.
type Request struct {
	// Subject is whose values nobody may read any more.
	Subject Subject
	// Reason says why. It is required.
	Reason string
	// Held returns the names of the legal holds that cover records with values under the key.
	// It is required: see NoHolds, and CoveringHolds of package archive/retention.
	Held func(ctx context.Context, k *Key) (names []string, err error)
}

// NoHolds is for Request.Held where nobody places holds.
func NoHolds(context.Context, *Key) ([]string, error) { return nil, nil }

// Result says what an erasure did.
type Result struct {
	// Key is the ID of the key, which values of the subject still have.
	Key KeyID
	// Before is when the key had been destroyed before, or zero.
	Before time.Time
}

// HeldError means that holds keep the values of a subject. It matches fs.ErrPermission.
type HeldError struct {
	// Holds are the names of the holds.
	Holds []string
}

func (e *HeldError) Error() string {
	return "erasure: the subject is held by " + strings.Join(e.Holds, ", ") + "; nothing was erased; lift the holds first"
}

// Is reports whether the target is fs.ErrPermission.
func (*HeldError) Is(target error) bool { return target == fs.ErrPermission }

// Erase destroys the key of a subject. It first records an attempt of the actor in ctx, with
// the action semconv.ActionSubjectErase and the subject as its target; if that fails, nothing
// is destroyed. Then it asks for holds, destroys the key, and records the result. If a hold
// covers the subject, the error is a *HeldError, and the outcome that was recorded is denied.
//
// It may be killed at any time, and repeated: a key that was destroyed before stays so, and what
// was not finished is finished. If the subject never had a key, the error matches ErrNoKey, and
// nothing is recorded: look for a mistake in the name.
//
// A process that has the key in its cache may encrypt values of the subject for as long as
// WithRefresh says, and the first one after that. Nobody can read them.
func Erase(ctx context.Context, keys KeyStore, t audit.Tracker, r Request) (Result, error) {
	switch {
	case strings.TrimSpace(r.Reason) == "":
		return Result{}, errors.New("erasure: an erasure needs a reason")
	case r.Held == nil:
		return Result{}, errors.New("erasure: Request.Held is nil; use NoHolds if there are no legal holds")
	}
	result := Result{}
	k, err := keys.Existing(ctx, r.Subject)
	if erased, ok := errors.AsType[*ErasedError](err); ok {
		result = Result{Key: erased.ID, Before: erased.Time}
	} else if err != nil {
		return Result{}, err
	} else {
		result.Key = k.ID()
	}
	event := audit.Event{
		Action: semconv.ActionSubjectErase, Operation: audit.OperationDelete, Tenant: r.Subject.Tenant,
		Target: audit.Target{Type: r.Subject.Type, ID: r.Subject.ID}, Reason: r.Reason,
		Metadata: []attribute.KeyValue{semconv.ErasureKeyIDKey.String(result.Key.String())},
	}
	return result, audit.Do(ctx, t, event, func(ctx context.Context) error {
		if k != nil {
			switch names, err := r.Held(ctx, k); {
			case err != nil:
				return err
			case len(names) > 0:
				return &HeldError{Holds: names}
			}
		}
		return keys.Destroy(ctx, r.Subject)
	})
}
