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
	tracker audit.Tracker
	event   audit.Event
	options []MessageOption
}

// NewMethodIntent returns the intent e of a method, which t records.
func NewMethodIntent(t audit.Tracker, e audit.Event, opts ...MessageOption) *MethodIntent {
	return &MethodIntent{tracker: t, event: e, options: opts}
}

// supply returns what the first message of a call says of its event.
func (m *MethodIntent) supply(x *Exchange, message any) *Supply {
	s := &Supply{}
	for _, opt := range m.options {
		opt(x, message, s)
	}
	return s
}

// eventOf implements source.
func (m *MethodIntent) eventOf(x *Exchange, _ int) audit.Event { return x.FromTemplate(m.event) }

func (m *MethodIntent) trackedBy() audit.Tracker { return m.tracker }

// MessageOption takes a field of a method's event from the first message of a call, or from
// its context.
type MessageOption func(x *Exchange, message any, s *Supply)

// TargetFrom takes the ID of the target from a message of type M, or from the context.
func TargetFrom[M any](targetType string, id func(M) string) MessageOption {
	return func(x *Exchange, message any, s *Supply) {
		s.fields = append(s.fields, "target")
		if text := read(x, message, id); text != "" {
			s.Target = audit.Target{Type: targetType, ID: text}
		}
	}
}

// ReasonFrom takes the reason from a message of type M, or from the context.
func ReasonFrom[M any](reason func(M) string) MessageOption {
	return func(x *Exchange, message any, s *Supply) {
		s.fields = append(s.fields, "reason")
		s.Reason = read(x, message, reason)
	}
}

// MetadataFrom takes the metadata of a key from a message of type M, or from the context.
func MetadataFrom[M any](key attribute.Key, value func(M) string) MessageOption {
	return func(x *Exchange, message any, s *Supply) {
		s.fields = append(s.fields, "metadata."+string(key))
		if text := read(x, message, value); text != "" {
			s.Metadata = append(s.Metadata, key.String(text))
		}
	}
}

// read returns what a source says of the context, if that is what it takes, or of the message.
// A source of another message is a mistake of the application, of which the error handler
// hears.
func read[M any](x *Exchange, message any, source func(M) string) string {
	if ofContext, ok := any(source).(func(context.Context) string); ok {
		return ofContext(x.ctx)
	}
	m, ok := message.(M)
	if !ok {
		x.handleError(fmt.Errorf("audit: %s gets a %T; an option of its intent takes a %v", x.route, message, reflect.TypeFor[M]()))
		return ""
	}
	return source(m)
}
