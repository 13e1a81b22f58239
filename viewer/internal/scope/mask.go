package scope

import (
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// Mask hides fields of records.
type Mask struct {
	shown, hidden []string
	targets       *query.Matcher // of the targets that may be seen, or nil for all
}

// NewMask returns a Mask that shows the fields whose paths match one of the patterns in shown,
// or all if it is empty, without those that match one in hidden. If within has targets, it
// hides other targets.
func NewMask(shown, hidden []string, within query.Filter) (*Mask, error) {
	m := &Mask{shown: shown, hidden: hidden}
	if len(within.Targets)+len(within.TargetTypes) > 0 {
		var err error
		if m.targets, err = query.NewMatcher(query.Filter{Targets: within.Targets, TargetTypes: within.TargetTypes}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// shows reports whether the mask hides nothing.
func (m *Mask) shows() bool { return len(m.shown) == 0 && len(m.hidden) == 0 && m.targets == nil }

// visible reports whether the field with the path is shown.
func (m *Mask) visible(path string) bool {
	matches := func(p string) bool { return policy.Match(p, path) }
	return (len(m.shown) == 0 || slices.ContainsFunc(m.shown, matches)) && !slices.ContainsFunc(m.hidden, matches)
}

// apply returns the record as it may be seen. It does not change r.
func (m *Mask) apply(r *record.Record) *record.Record {
	if m.shows() {
		return r
	}
	s := r.Clone()
	h := hiding{mask: m}
	h.actor(&s.Actor)
	h.targets(s)
	h.text("reason", &s.Reason)
	h.text("failure", &s.Failure)
	h.text("tenant", &s.Tenant)
	h.text("channel", &s.Channel)
	s.Changes = slices.DeleteFunc(s.Changes, func(c audit.Change) bool { return !h.keep("changes", c.Field) })
	s.Metadata = h.attributes("metadata", s.Metadata)
	s.Overridden = h.attributes("overridden", s.Overridden)
	if s.Resource != nil {
		s.Resource = resource.NewSchemaless(h.attributes("resource", s.Resource.Attributes())...)
	}
	if !m.visible("tracker") {
		s.Tracker = record.Instrumentation{}
	}
	if !m.visible("observed_time") {
		s.ObservedTime = time.Time{}
	}
	if !m.visible("trace_id") {
		s.TraceID = trace.TraceID{}
	}
	if !m.visible("span_id") {
		s.SpanID = trace.SpanID{}
	}
	s.Redacted = slices.DeleteFunc(s.Redacted, func(path string) bool { return !h.shows(path) })
	s.Marks = slices.DeleteFunc(s.Marks, func(k mark.Mark) bool { return k.Path != "" && !h.shows(k.Path) })
	return s
}

// hiding hides fields of one record, and notes the paths of those that it keeps.
type hiding struct {
	mask *Mask
	kept []string
}

func (h *hiding) path(path string) bool {
	if !h.mask.visible(path) {
		return false
	}
	h.kept = append(h.kept, path)
	return true
}

// keep reports whether the field of a parent is shown. A field is named as it is in the
// record, with escapes.
func (h *hiding) keep(parent, field string) bool {
	field = record.Unescape(field)
	if !h.mask.visible(parent + "." + field) {
		return false
	}
	h.kept = append(h.kept, sanitize.FieldPath(parent, field))
	return true
}

// shows reports whether a path is that of a field that was kept, or inside one.
func (h *hiding) shows(path string) bool {
	return slices.ContainsFunc(h.kept, func(kept string) bool {
		rest, ok := strings.CutPrefix(path, kept)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

func (h *hiding) text(path string, text *string) {
	if !h.path(path) {
		*text = ""
	}
}

func (h *hiding) actor(a *audit.Actor) {
	h.kept = append(h.kept, "actor.id", "actor.type")
	h.text("actor.name", &a.Name)
	h.text("actor.auth_method", &a.AuthMethod)
	h.text("actor.session_id", &a.SessionID)
	if !h.path("actor.roles") {
		a.Roles = nil
	}
	if !h.path("actor.on_behalf_of") {
		a.OnBehalfOf = nil
	}
}

// targets hides the names of targets, and targets that may not be seen.
func (h *hiding) targets(s *record.Record) {
	if !h.path("covers") {
		s.Covers = nil
	}
	if !h.path("bulk") {
		s.Bulk = audit.Bulk{}
	}
	named := h.path("target.name")
	if h.mask.targets != nil {
		s.Bulk.Sample = nil
		if !h.allowed(s.Target) {
			s.Target = audit.Target{}
			s.Changes = nil // they are those of the target
		}
		s.Covers = slices.DeleteFunc(s.Covers, func(t audit.Target) bool { return !h.allowed(t) })
	}
	if !named {
		s.Target.Name = ""
		for i := range s.Covers {
			s.Covers[i].Name = ""
		}
	}
	h.kept = append(h.kept, "target.id", "target.type")
}

func (h *hiding) allowed(t audit.Target) bool {
	return h.mask.targets.Matches(&record.Record{Event: audit.Event{Target: t}})
}

func (h *hiding) attributes(parent string, kvs []attribute.KeyValue) []attribute.KeyValue {
	var kept []attribute.KeyValue
	for _, kv := range kvs {
		if !h.keep(parent, string(kv.Key)) {
			continue
		}
		if kv.Key == semconv.MongoDBChangedFieldsKey && kv.Value.Type() == attribute.STRINGSLICE {
			names := slices.DeleteFunc(kv.Value.AsStringSlice(), func(name string) bool { return !h.mask.visible("changes." + record.Unescape(name)) })
			kv.Value = attribute.StringSliceValue(names)
		}
		kept = append(kept, kv)
	}
	return kept
}
