package request

import (
	"context"
	"fmt"
	"reflect"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
)

// MethodIntent is the event of a method of an RPC service.
type MethodIntent struct {
	tracker    audit.Tracker
	event      func(x *Exchange, message any, code int) audit.Event
	supplies   []func(x *Exchange, message any, s *Supply)
	withheld   bool
	notBegun   func(ctx context.Context, err error) error           // may be nil
	unrecorded func(ctx context.Context, err error, code int) error // may be nil
}

// NewMethodIntent returns the intent e of a method, which t records.
//
// NewMethodIntent panics if t is nil.
func NewMethodIntent(t audit.Tracker, e audit.Event, opts ...MessageOption) *MethodIntent {
	return newMethodIntent(t, func(x *Exchange, _ any, _ int) audit.Event { return x.FromTemplate(e) }, opts)
}

// NewMethodIntentFunc returns the intent of a method whose event depends on the first message
// of a call, or on the code of its status. The function gets the zero M if no message has
// arrived, and the code 0 as long as none is known.
func NewMethodIntentFunc[M any](t audit.Tracker, event func(ctx context.Context, message M, code int) audit.Event, opts ...MessageOption) *MethodIntent {
	return newMethodIntent(t, func(x *Exchange, message any, code int) audit.Event {
		var m M
		if message != nil {
			m, _ = messageOf[M](x, message)
		}
		return event(x.ctx, m, code)
	}, opts)
}

func newMethodIntent(t audit.Tracker, event func(*Exchange, any, int) audit.Event, opts []MessageOption) *MethodIntent {
	m := &MethodIntent{tracker: RequireTracker(t, "Intent of a method"), event: event}
	for _, opt := range opts {
		opt(m)
	}
	return m
}

// supply returns what the first message of a call says of its event.
func (m *MethodIntent) supply(x *Exchange, message any) *Supply {
	s := &Supply{}
	for _, supply := range m.supplies {
		supply(x, message, s)
	}
	return s
}

// eventOf implements source.
func (m *MethodIntent) eventOf(x *Exchange, code int) audit.Event {
	return m.event(x, x.call.message.Load(), code)
}

func (m *MethodIntent) trackedBy() audit.Tracker { return m.tracker }

// MessageOption configures the intent of a method: it takes a field of the event from the first
// message of a call, or from its context, or withholds the result.
type MessageOption func(*MethodIntent)

// supplied returns an option that calls supply for each call.
func supplied(supply func(x *Exchange, message any, s *Supply)) MessageOption {
	return func(m *MethodIntent) { m.supplies = append(m.supplies, supply) }
}

// WithheldAnswer begins the event before the application gets or sends a message, or else the
// handler must not run. The result is withheld until the outcome is recorded.
func WithheldAnswer() MessageOption {
	return func(m *MethodIntent) { m.withheld = true }
}

// OnNotBegun sets the function that returns the error of a call whose event could not be begun.
// err is that of audit.Begin. If the function returns nil, the error is that of [Call.Rejected].
func OnNotBegun(f func(ctx context.Context, err error) error) MessageOption {
	return func(m *MethodIntent) { m.notBegun = f }
}

// OnUnrecorded sets the function that returns the error in place of the result of a call whose
// outcome could not be recorded. code is that of the result. If the function returns nil, the
// result stays.
func OnUnrecorded(f func(ctx context.Context, err error, code int) error) MessageOption {
	return func(m *MethodIntent) { m.unrecorded = f }
}

// TargetFrom takes the ID of the target from a message of type M, or from the context.
func TargetFrom[M any](targetType string, id func(M) string) MessageOption {
	return supplied(func(x *Exchange, message any, s *Supply) {
		s.fields = append(s.fields, "target")
		if text := read(x, message, id); text != "" {
			s.Target = audit.Target{Type: targetType, ID: text}
		}
	})
}

// ReasonFrom takes the reason from a message of type M, or from the context.
func ReasonFrom[M any](reason func(M) string) MessageOption {
	return supplied(func(x *Exchange, message any, s *Supply) {
		s.fields = append(s.fields, "reason")
		s.Reason = read(x, message, reason)
	})
}

// MetadataFrom takes the metadata of a key from a message of type M, or from the context.
func MetadataFrom[M any](key attribute.Key, value func(M) string) MessageOption {
	return supplied(func(x *Exchange, message any, s *Supply) {
		s.fields = append(s.fields, "metadata."+string(key))
		if text := read(x, message, value); text != "" {
			s.Metadata = append(s.Metadata, key.String(text))
		}
	})
}

// read returns what a source says of the context, if that is what it takes, or of the message.
func read[M any](x *Exchange, message any, source func(M) string) string {
	if ofContext, ok := any(source).(func(context.Context) string); ok {
		return ofContext(x.ctx)
	}
	m, ok := messageOf[M](x, message)
	if !ok {
		return ""
	}
	return source(m)
}

// messageOf returns the message as an M. If it is something else, which is a mistake of the
// application, the error handler is called.
func messageOf[M any](x *Exchange, message any) (M, bool) {
	m, ok := message.(M)
	if !ok {
		x.handleError(fmt.Errorf("audit: %s gets a %T; an option of its intent takes a %v", x.route, message, reflect.TypeFor[M]()))
	}
	return m, ok
}
