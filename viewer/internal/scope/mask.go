package scope

import (
	"slices"
	"strconv"
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
	return (len(m.shown) == 0 || matches(m.shown, path)) && !m.hides(path)
}

// hides reports whether a field is hidden even if what it is a part of is shown.
func (m *Mask) hides(path string) bool { return matches(m.hidden, path) }

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return policy.Match(p, path) })
}

// apply returns the record as it may be seen. It does not change r.
func (m *Mask) apply(r *record.Record) *record.Record {
	if m.shows() {
		return r
	}
	s := r.Clone()
	h := hiding{mask: m, kept: []string{"attempt"}}
	h.actor(&s.Actor)
	h.targets(s)
	h.bulk(&s.Bulk)
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
	if m.visible("tracker") {
		h.part("tracker.name", &s.Tracker.Name)
		h.part("tracker.version", &s.Tracker.Version)
	} else {
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
	s.Redacted = slices.DeleteFunc(s.Redacted, func(path string) bool { return !h.shows(path) && !h.showsPartOf(path) })
	s.Marks = slices.DeleteFunc(s.Marks, func(k mark.Mark) bool { return !h.showsMark(k) })
	return s
}

// hiding hides fields of one record, and notes the paths of those that it keeps, and of the lists
// of which it hides a part.
type hiding struct {
	mask       *Mask
	kept, lost []string
}

// showsMark reports whether a mark is about something that is shown. One of a whole list is, if a
// part of the list is; but a length and a hash may be those of a hidden part.
func (h *hiding) showsMark(m mark.Mark) bool {
	hasHash := m.Length > 0 || m.SHA256 != [32]byte{}
	return m.Path == "" || h.shows(m.Path) || h.showsPartOf(m.Path) && (!hasHash || !slices.Contains(h.lost, m.Path))
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
		h.lost = append(h.lost, parent)
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

// showsPartOf reports whether a field inside a path was kept.
func (h *hiding) showsPartOf(path string) bool {
	return slices.ContainsFunc(h.kept, func(kept string) bool {
		rest, ok := strings.CutPrefix(kept, path)
		return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
	})
}

// part hides a field of something that is shown, if one of the hidden patterns matches its path.
func (h *hiding) part(path string, text *string) {
	if h.mask.hides(path) {
		*text = ""
		return
	}
	h.kept = append(h.kept, path)
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
	if !h.mask.visible("actor.on_behalf_of") {
		a.OnBehalfOf = nil
	}
	for on, depth := a.OnBehalfOf, 1; on != nil; on, depth = on.OnBehalfOf, depth+1 {
		h.behalf(on, depth)
	}
}

// behalf hides fields of somebody on whose behalf the actor acts: those that are hidden of every
// actor, and those of this one.
func (h *hiding) behalf(a *audit.Actor, depth int) {
	shown := func(field string) bool {
		path := sanitize.ActorPath(depth, field)
		if h.mask.hides("actor."+field) || h.mask.hides(path) {
			return false
		}
		h.kept = append(h.kept, path)
		return true
	}
	h.kept = append(h.kept, sanitize.ActorPath(depth, "id"), sanitize.ActorPath(depth, "type"))
	if !shown("name") {
		a.Name = ""
	}
	if !shown("auth_method") {
		a.AuthMethod = ""
	}
	if !shown("session_id") {
		a.SessionID = ""
	}
	if !shown("roles") {
		a.Roles = nil
	}
	switch next := sanitize.ActorPath(depth, "on_behalf_of"); {
	case h.mask.hides(next):
		a.OnBehalfOf = nil
	case a.OnBehalfOf == nil:
		h.kept = append(h.kept, next) // a mark says that there were more
	}
}

// targets hides the names of targets, and targets that may not be seen.
func (h *hiding) targets(s *record.Record) {
	named := h.mask.visible("target.name")
	if h.mask.targets == nil || h.allowed(s.Target) {
		h.kept = append(h.kept, "target.id", "target.type")
		h.text("target.name", &s.Target.Name)
	} else {
		s.Target = audit.Target{}
		s.Changes = nil // they are those of the target
	}
	if !h.mask.visible("covers") || h.mask.hides("covers.id") || h.mask.hides("covers.type") {
		s.Covers = nil
	}
	all := len(s.Covers)
	if h.mask.targets != nil {
		s.Covers = slices.DeleteFunc(s.Covers, func(t audit.Target) bool { return !h.allowed(t) })
	}
	named = named && !h.mask.hides("covers.name")
	for i := range s.Covers {
		if !named {
			s.Covers[i].Name = ""
		}
		if len(s.Covers) == all { // else their numbers in paths are those of others
			h.cover(i, named)
		}
	}
}

// cover notes that a target that the record covers is shown.
func (h *hiding) cover(i int, named bool) {
	path := "covers[" + strconv.Itoa(i) + "]."
	h.kept = append(h.kept, path+"id", path+"type")
	if named {
		h.kept = append(h.kept, path+"name")
	}
}

// bulk hides which objects a bulk change was about. Without a selector there is no bulk change.
func (h *hiding) bulk(b *audit.Bulk) {
	if !h.mask.visible("bulk") || h.mask.hides("bulk.selector") {
		*b = audit.Bulk{}
		return
	}
	h.kept = append(h.kept, "bulk.affected", "bulk.selector")
	if h.mask.hides("bulk.sample") || h.mask.targets != nil {
		b.Sample = nil
		return
	}
	h.kept = append(h.kept, "bulk.sample")
}

func (h *hiding) allowed(t audit.Target) bool {
	return h.mask.targets.Matches(&record.Record{Event: audit.Event{Target: t}})
}

func (h *hiding) attributes(parent string, kvs []attribute.KeyValue) []attribute.KeyValue {
	var kept []attribute.KeyValue
	for _, kv := range kvs {
		if parent == "overridden" && h.mask.hides("metadata."+record.Unescape(string(kv.Key))) || !h.keep(parent, string(kv.Key)) {
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
