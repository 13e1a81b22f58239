package audit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/metadata"
	"github.com/opendeed/audit/mark"
	"go.opentelemetry.io/otel/attribute"
)

// draft is an event that is tracked when its work has ended: the event of a route or of Do.
// What handlers say of it meanwhile is collected here.
type draft struct {
	mu      sync.Mutex
	tracker Tracker // nil if the request has no route intent
	author  bridge.Author[Event]
	closed  bool
	said    words
}

// words is what handlers said of an event.
type words struct {
	Target   Target
	Reason   string
	Outcome  Outcome
	Changes  []Change
	Metadata []attribute.KeyValue
	Marks    []mark.Mark
}

// draftOf returns the draft of the nearest unit of work that has one, or nil.
func draftOf(ctx context.Context) *draft {
	for s := ScopeFromContext(ctx); s != nil; s = s.parent {
		s.mu.Lock()
		d := s.draft
		s.mu.Unlock()
		if d != nil {
			return d
		}
	}
	return nil
}

// said implements bridge.Functions.Said.
func said(s *Scope, final bool) Event {
	s.mu.Lock()
	d := s.draft
	s.mu.Unlock()
	if final {
		return d.close()
	}
	return d.content()
}

// expect implements bridge.Functions.Expect. What handlers said before remains.
func expect(s *Scope, t Tracker, author bridge.Author[Event]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != scopeOpen {
		return
	}
	d := &s.draftRoom
	if s.draft != d {
		d.inherit(s.draft)
		s.draft = d
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tracker, d.author = t, author
}

// intent returns who tracks the event, and who knows it. The tracker is nil if there is no
// such event.
func (d *draft) intent() (Tracker, bridge.Author[Event]) {
	if d == nil {
		return nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tracker, d.author
}

// change calls f with what handlers said of an intent, for the function of the given name. It
// reports why it cannot.
func (d *draft) change(ctx context.Context, name string, f func(said *words)) {
	if t, author := d.intent(); t == nil && author != nil {
		author.Report(ctx, fmt.Errorf("%w; nothing was set by audit.%s", ErrNoIntent, name))
		return
	}
	d.changeAny(ctx, name, f)
}

// changeAny is change for what matters without an intent too: denials and coverage have the
// target of the request.
func (d *draft) changeAny(ctx context.Context, name string, f func(said *words)) {
	if d == nil {
		reportTo(ctx, globalTracker, fmt.Errorf("%w; nothing was set by audit.%s", ErrNoIntent, name))
		return
	}
	d.mu.Lock()
	author, closed := d.author, d.closed
	if !closed {
		f(&d.said)
	}
	d.mu.Unlock()
	if closed {
		author.Report(ctx, fmt.Errorf("%w; nothing was set by audit.%s", ErrScopeEnded, name))
	}
}

// content returns what handlers said so far.
func (d *draft) content() Event {
	if d == nil {
		return Event{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return Event{
		Target: d.said.Target, Reason: d.said.Reason, Outcome: d.said.Outcome,
		Changes: d.said.Changes, Metadata: d.said.Metadata, Marks: d.said.Marks,
	}
}

// inherit makes what handlers said of the draft before, which may be nil, what they said of
// d, which nobody else has yet.
func (d *draft) inherit(before *draft) {
	if before == nil {
		return
	}
	before.mu.Lock()
	defer before.mu.Unlock()
	d.said = before.said
}

// close returns what handlers said, and makes what they say later an error.
func (d *draft) close() Event {
	if d != nil {
		d.mu.Lock()
		d.closed = true
		d.mu.Unlock()
	}
	return d.content()
}

// completed returns e with what handlers said of it. The outcome is e's own, the one that they
// said, or else inferred; it is no success if the work failed. Changes of what was not a
// success were asked for, and not observed.
func completed(e, said Event, inferred Outcome, failed bool) Event {
	fill(&e.Target, said.Target)
	fill(&e.Reason, said.Reason)
	fill(&e.Outcome, said.Outcome)
	fill(&e.Outcome, inferred)
	if failed && (e.Outcome == OutcomeSuccess || e.Outcome == OutcomeUnknown) {
		e.Outcome = OutcomeFailure
	}
	e.Metadata = metadata.WithDefaults(said.Metadata, e.Metadata)
	e.Marks = slices.Concat(e.Marks, said.Marks)
	if len(e.Changes) == 0 {
		e.Changes = said.Changes
		if len(said.Changes) > 0 && e.Outcome != OutcomeSuccess {
			e.Marks = append(e.Marks, mark.Mark{Path: "changes", Kind: mark.Requested})
		}
	}
	return e
}

// addMark adds a mark that said does not have.
func addMark(said *words, path string, kind mark.Kind) {
	said.Marks = mark.Merge(said.Marks, []mark.Mark{{Path: path, Kind: kind}})
}

// addMetadata adds kvs, which replace and mark what said has of the same keys.
func addMetadata(said *words, kvs []attribute.KeyValue) {
	merged, replaced := metadata.Replace(said.Metadata, kvs)
	said.Metadata = merged
	for _, key := range replaced {
		addMark(said, "metadata."+string(key), mark.Repeated)
	}
}

// reporter is plumbing.Reporter.
type reporter interface {
	Report(ctx context.Context, err error)
}

// reportTo reports an error that no caller receives.
func reportTo(ctx context.Context, t Tracker, err error) {
	if r, ok := t.(reporter); ok {
		r.Report(ctx, err)
		return
	}
	slog.ErrorContext(ctx, "audit: an event is incomplete or missing", slog.String("error", err.Error()))
}
