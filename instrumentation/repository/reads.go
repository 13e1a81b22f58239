package auditrepo

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"iter"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/errortype"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/names"
	"github.com/opendeed/audit/internal/reads"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/trace"
)

// Reads says which reads are recorded: see [Config.Reads]. The zero value records all.
type Reads struct {
	// OneIn samples: the reads of one request in OneIn are recorded, with the number as
	// [semconv.ReadOneInKey]. All reads of a trace are recorded or none, or of the request ID
	// without a trace. What has neither is always recorded, and so is every read if OneIn is
	// below 2.
	OneIn int
	// Key decides which requests are in the sample, so that clients, who choose the IDs of
	// traces and requests, cannot. Processes with the same Key record the same requests. By
	// default each Auditor has a random one.
	Key []byte
	// SampleFailures applies OneIn to reads that failed or were denied, too. Otherwise all of
	// them are recorded.
	SampleFailures bool
}

// sampler decides which reads are recorded.
type sampler struct {
	Reads
	action string
}

func newSampler(targetType string, r *Reads) (sampler, error) {
	var s sampler
	s.action, _ = names.ActionOn(targetType, audit.OperationRead.String())
	if r == nil {
		return s, nil
	}
	s.Reads = *r
	if s.OneIn < 0 {
		return s, errors.New("auditrepo: Config.Reads.OneIn is negative")
	}
	if len(s.Key) == 0 {
		s.Key = make([]byte, sha256.Size)
		if _, err := rand.Read(s.Key); err != nil {
			return s, err
		}
	}
	return s, nil
}

// oneIn returns how many requests the reads in ctx stand for, or 0 if they are not recorded.
func (s *sampler) oneIn(ctx context.Context, o audit.Outcome) int {
	if s.OneIn < 2 || o != audit.OutcomeSuccess && !s.SampleFailures {
		return 1
	}
	mac := hmac.New(sha256.New, s.Key)
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		id := span.TraceID()
		mac.Write(id[:])
	} else if id, ok := audit.ScopeFromContext(ctx).Metadata(semconv.RequestIDKey); ok {
		mac.Write([]byte(id.String()))
	} else {
		return 1
	}
	if binary.BigEndian.Uint64(mac.Sum(nil))%uint64(s.OneIn) != 0 {
		return 0
	}
	return s.OneIn
}

// Reader returns a Getter that calls s and notes what it returned. What was noted in a scope,
// such as that of a request, is one record when the scope ends: a signal, with the article
// that was read, or with their number and up to 1,000 of their IDs. An intent that says the
// same, such as that of the route, covers the reads of its targets.
//
// Reads that failed, or were denied (see [Config.Denied]), are noted with the ID that was
// asked for, and are a record of their own.
//
// Get returns what s returned, whatever becomes of the record: it needs no actor (without one
// the record says "unresolved"), and errors are those of [audit.Scope.End]. Without an open
// scope each call is tracked at once, and an error is reported as by [plumbing.Reporter].
func (a *Auditor[T, ID]) Reader(s Getter[T, ID]) Getter[T, ID] {
	requireStore(s, "Reader")
	return getterFunc[T, ID](func(ctx context.Context, id ID) (value T, err error) {
		if plumbing.SignalsSuppressed(ctx) {
			return s.Get(ctx, id)
		}
		returned := false
		defer func() {
			if returned && err == nil {
				a.Returned(ctx, value)
				return
			}
			outcome, why := a.failureOf(ctx, returned, err)
			a.note(ctx, outcome, why, reads.Object{ID: a.format(ctx, id)})
		}()
		value, err = s.Get(ctx, id)
		returned = true
		return value, err
	})
}

// Returned notes that the application read values by a method that fits no role: see
// [Auditor.Reader]. [Auditor.List] and [Auditor.Seq] call it. A nil value is none.
func (a *Auditor[T, ID]) Returned(ctx context.Context, values ...T) {
	if len(values) == 0 || plumbing.SignalsSuppressed(ctx) {
		return
	}
	objects := make([]reads.Object, 0, len(values))
	for _, value := range values {
		if !isNil(value) {
			objects = append(objects, a.objectOf(ctx, value))
		}
	}
	if len(objects) > 0 {
		a.note(ctx, audit.OutcomeSuccess, "", objects...)
	}
}

// List calls f and notes the values that it returned: see [Auditor.Reader].
//
//	func (s *Articles) ByAuthor(ctx context.Context, author string) ([]Article, error) {
//		return s.auditor.List(ctx, func(ctx context.Context) ([]Article, error) {
//			return s.db.ByAuthor(ctx, author)
//		})
//	}
//
// If f failed, that is noted without an ID, and so are the values that it returned
// nevertheless.
func (a *Auditor[T, ID]) List(ctx context.Context, f func(context.Context) ([]T, error)) (values []T, err error) {
	returned := false
	defer func() {
		a.Returned(ctx, values...)
		if !returned || err != nil {
			a.noteFailure(ctx, returned, err)
		}
	}()
	values, err = f(ctx)
	returned = true
	return values, err
}

// Seq returns an iterator over seq that notes the values it yielded, also if the caller
// breaks off: see [Auditor.Reader]. An error that seq yields is noted without an ID.
func (a *Auditor[T, ID]) Seq(ctx context.Context, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ended := false
		defer func() {
			if !ended {
				a.noteFailure(ctx, false, nil)
			}
		}()
		for value, err := range seq {
			if err != nil {
				a.noteFailure(ctx, true, err)
			} else {
				a.Returned(ctx, value)
			}
			ended = true // what the caller does is no failure of the store
			if !yield(value, err) {
				return
			}
			ended = false
		}
		ended = true
	}
}

// noteFailure notes a list that failed with err, or did not return.
func (a *Auditor[T, ID]) noteFailure(ctx context.Context, returned bool, err error) {
	outcome, why := a.failureOf(ctx, returned, err)
	a.note(ctx, outcome, why, reads.Object{})
}

func (a *Auditor[T, ID]) note(ctx context.Context, o audit.Outcome, why string, objects ...reads.Object) {
	oneIn := a.sampler.oneIn(ctx, o)
	if oneIn == 0 || plumbing.SignalsSuppressed(ctx) {
		return
	}
	inside.Audit.NoteRead(ctx, a.tracker, reads.Kind{
		Source: a, Action: a.sampler.action, TargetType: a.config.TargetType, Outcome: uint8(o), ErrorType: why, OneIn: oneIn,
	}, objects)
}

// failureOf returns the outcome of a read that failed with err, or did not return, and the
// type of the error.
func (a *Auditor[T, ID]) failureOf(ctx context.Context, returned bool, err error) (o audit.Outcome, why string) {
	if !returned {
		return audit.OutcomeFailure, errortype.Aborted
	}
	o = audit.OutcomeFailure
	a.try(ctx, func() error {
		if a.config.Denied(err) {
			o = audit.OutcomeDenied
		}
		return nil
	})
	return o, errortype.Of(err)
}

// objectOf describes a value that was read.
func (a *Auditor[T, ID]) objectOf(ctx context.Context, value T) (o reads.Object) {
	a.try(ctx, func() (err error) {
		o.ID, err = a.formatID(a.config.ID(value))
		return err
	})
	if name := a.config.Name; name != nil {
		a.try(ctx, func() error {
			o.Name = name(value)
			return nil
		})
	}
	return o
}

// format returns the text of an ID.
func (a *Auditor[T, ID]) format(ctx context.Context, id ID) (text string) {
	a.try(ctx, func() (err error) {
		text, err = a.formatID(id)
		return err
	})
	return text
}

// try calls f, which calls functions of Config. The caller of a read does not get their
// errors and panics: they are reported.
func (a *Auditor[T, ID]) try(ctx context.Context, f func() error) {
	defer func() {
		if p := recover(); p != nil {
			inside.Audit.Report(ctx, a.tracker, panicError(p))
		}
	}()
	if err := f(); err != nil {
		inside.Audit.Report(ctx, a.tracker, err)
	}
}
