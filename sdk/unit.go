package sdk

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/held"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/signal"
	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/internal/uuid"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/opendeed/audit/sdk/internal/records"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// heldRecord is a record that a unit of work holds (package unit): redacted and fitted, so
// that nothing else waits in memory.
type heldRecord struct {
	provider *TrackerProvider
	record   *record.Record
	who      party.Party

	// Of an intent: what the scopes are told, and how to tell those around the unit.
	intent  bool
	event   audit.Event
	outward bridge.Outward[audit.Event]

	begun  bool // its beginning is recorded
	undone bool // the record says that it did not come true
}

var _ held.Record = (*heldRecord)(nil)

// unitOf returns the unit of work in which the scope is, or nil.
func unitOf(scope *audit.Scope) *held.Unit {
	u, _ := inside.Audit.UnitOf(scope).(*held.Unit)
	return u
}

// dependsOnUnit reports whether the record is true only once the unit commits. A failure and
// a denial are true whatever the unit does, and so are the beginning of an attempt and a
// signal that something was read.
func dependsOnUnit(r *record.Record) bool {
	return !isRead(r) && !r.BeginsAttempt() && (r.Outcome == audit.OutcomeSuccess || r.Outcome == audit.OutcomeUnknown)
}

// isRead reports whether the record is a signal that something was read.
func isRead(r *record.Record) bool {
	return r.Kind == audit.KindSignal && r.Operation == audit.OperationRead
}

// holdIntent holds an intent in the unit, or records it if the unit has ended. original is
// the event before redaction.
func (s *suppressor) holdIntent(ctx context.Context, u *held.Unit, scope *audit.Scope, r *record.Record, original audit.Event) error {
	h := &heldRecord{provider: s.provider, record: r.Clone(), intent: true, event: original} // r may be used again
	accepted := false
	ok, err := h.hold(u, func() {
		accepted, h.outward = true, inside.Audit.AcceptedInUnit(ctx, scope, s, original)
	})
	if ok || err != nil {
		return err
	}
	if err := h.provider.deliverFitted(u.Context, h.who, h.record); err != nil {
		return err
	}
	if !accepted {
		inside.Audit.Accepted(ctx, scope, s, original)
	}
	h.tell(ctx)
	return nil
}

// holdSignal holds a signal that no intent covers, or records it if the unit has ended.
func (s *suppressor) holdSignal(ctx context.Context, u *held.Unit, r *record.Record) error {
	h := &heldRecord{provider: s.provider, record: r}
	ok, err := h.hold(u, func() {})
	if ok || err != nil {
		return err
	}
	return h.provider.deliverFitted(ctx, h.who, h.record)
}

// hold prepares the record and gives it to the unit. It calls accept once it is certain that
// the record is held or begun. It returns false if the unit has ended.
func (h *heldRecord) hold(u *held.Unit, accept func()) (ok bool, err error) {
	h.who = h.provider.prepare(h.record, h.provider.fitter.FitWithRoom)
	h.setMetadata(semconv.UnitKey.String(u.ID.String()))
	switch u.Reserve() {
	case held.Ended:
		return false, nil
	case held.Full:
		if err := h.begin(u.Context); err != nil {
			return false, err
		}
	case held.Held:
	}
	accept()
	return u.Add(h), nil
}

// begin records the beginning of an attempt in place of a record for which the unit has no
// room. It has all that the record has; what the unit holds is the end, which is small. The
// end of an attempt is held whatever the room is, since its beginning is recorded.
func (h *heldRecord) begin(ctx context.Context) error {
	r := h.record
	if !r.Attempt.IsZero() {
		return nil
	}
	begun := r.Clone()
	begun.ID = uuid.At(time.Now())
	begun.Attempt, begun.Outcome, begun.Failure = begun.ID, audit.OutcomeUnknown, ""
	if err := h.provider.folder.Deliver(ctx, h.who, begun); err != nil {
		return err
	}
	h.provider.pipeline.attempts.Stored(begun.ID, begun.ID, records.OwnerOf(begun))
	end := *r
	end.Attempt = begun.ID
	end.Changes, end.Overridden, end.Metadata = nil, nil, nil
	end.Redacted = slices.DeleteFunc(slices.Clone(r.Redacted), isOfBeginning)
	end.Marks = slices.DeleteFunc(slices.Clone(r.Marks), func(m mark.Mark) bool { return isOfBeginning(m.Path) })
	h.record, h.begun = &end, true
	h.setMetadata(semconv.UnitKey.String(attributeOf(r.Metadata, semconv.UnitKey)))
	return nil
}

// isOfBeginning reports whether only the beginning of the attempt has the value at path.
func isOfBeginning(path string) bool {
	return strings.HasPrefix(path, "changes") || strings.HasPrefix(path, "metadata") || strings.HasPrefix(path, "overridden")
}

// Undo implements held.Record.
func (h *heldRecord) Undo() { h.change(held.RolledBack) }

// Outward implements held.Record.
func (h *heldRecord) Outward(ctx context.Context) {
	if h.outward != nil {
		h.outward = h.outward(ctx, h.as())
	}
}

// Settle implements held.Record.
func (h *heldRecord) Settle(ctx context.Context, end held.End) {
	if end == held.Rerun && !h.begun {
		h.provider.pipeline.metrics.suppress(ctx, suppressedByRerun)
		return
	}
	if end != held.Committed {
		h.change(end)
	}
	batch := signal.BatchOf(ctx)
	if h.who.Class == party.Trusted {
		batch.Add(h.provider, h.record, h.provider.deliverAll, h.tell)
		return
	}
	batch.Add(folded{h.provider}, h, h.provider.foldAll, h.tell)
}

// tell reports a recorded intent to the scopes around the unit.
func (h *heldRecord) tell(ctx context.Context) {
	for h.outward != nil {
		h.Outward(ctx)
	}
}

// as returns what the scopes are told in place of the event, or nil.
func (h *heldRecord) as() *audit.Event {
	if !h.undone {
		return nil
	}
	return &h.event
}

// The failures of records that did not come true.
const (
	failureRolledBack = "the transaction was rolled back"
	failureRerun      = "the transaction was rolled back and done again"
	failureUnknown    = "it is not known whether the transaction was committed"
)

// change makes the record say how the unit ended, unless it says so already. The event's ID is
// for the record of the event that comes true, if the work is tried again.
func (h *heldRecord) change(end held.End) {
	if h.undone {
		return
	}
	h.undone = true
	outcome, failure, word := audit.OutcomeFailure, failureRolledBack, semconv.UnitEndRolledBack
	switch end {
	case held.Rerun:
		failure, word = failureRerun, semconv.UnitEndRerun
	case held.Unknown:
		outcome, failure, word = audit.OutcomeUnknown, failureUnknown, semconv.UnitEndUnknown
	default:
	}
	h.record.ID, h.record.Outcome, h.event.Outcome = uuid.At(time.Now()), outcome, outcome
	if h.record.Failure == "" {
		h.record.Failure = failure
	}
	h.setMetadata(semconv.UnitEndKey.String(word))
}

// setMetadata sets a key of the record, whose metadata is its own and sorted.
func (h *heldRecord) setMetadata(kv attribute.KeyValue) {
	r := h.record
	at, found := sorted.FindKey(r.Metadata, kv.Key)
	if found {
		r.Metadata[at] = kv
		return
	}
	r.Metadata = slices.Insert(r.Metadata, at, kv)
}

func attributeOf(kvs []attribute.KeyValue, key attribute.Key) string {
	if at, found := sorted.FindKey(kvs, key); found {
		return kvs[at].Value.AsString()
	}
	return ""
}

// folded is the provider of a batch's records that may be folded.
type folded struct{ *TrackerProvider }

// foldAll is the signal.DeliverFunc of records that may be folded: []*heldRecord as []any.
func (p *TrackerProvider) foldAll(ctx context.Context, items []any) []error {
	errs := make([]error, len(items))
	for i, item := range items {
		h, _ := item.(*heldRecord)
		if errs[i] = p.folder.Deliver(ctx, h.who, h.record); errs[i] != nil {
			p.pipeline.metrics.reject(ctx, errs[i])
		}
	}
	return errs
}
