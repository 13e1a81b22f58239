package query

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query/internal/fold"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Matches reports whether a record matches the filter, which must be valid. It ignores
// Ascending, After and Limit, which do not depend on the record. It prepares the filter
// anew: to match many records, make a [Matcher].
func (f *Filter) Matches(r *record.Record) bool {
	var m Matcher
	m.prepare(f)
	return m.Matches(r)
}

// Matcher is a filter that is prepared for matching many records. It is safe for
// concurrent use.
type Matcher struct {
	filter                   Filter
	actors, onBehalfOf       []actorMatcher
	tenants, channels        []nameMatcher
	targets                  []targetMatcher
	targetTypes              []nameMatcher
	changed                  []pattern
	metadata, resource       []attributeMatcher
	words, reasons, failures []word
	not                      []Matcher

	scannable bool // for MatchesLine
	timesOnly bool // it compares nothing but times
}

// NewMatcher returns a Matcher of f, or a *FilterError. The caller must not change the
// lists of f afterwards.
func NewMatcher(f Filter) (*Matcher, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	m := &Matcher{scannable: isScannable(f), timesOnly: comparesTimesOnly(f)}
	m.prepare(&f)
	return m, nil
}

func (m *Matcher) prepare(f *Filter) {
	m.filter = *f
	m.actors, m.onBehalfOf = newActorMatchers(f.Actors), newActorMatchers(f.OnBehalfOf)
	m.tenants, m.channels, m.targetTypes = newNameMatchers(f.Tenants), newNameMatchers(f.Channels), newNameMatchers(f.TargetTypes)
	for _, t := range f.Targets {
		m.targets = append(m.targets, targetMatcher{newNameMatcher(t.Type), newNameMatcher(t.ID)})
	}
	for _, text := range f.Changed {
		m.changed = append(m.changed, pattern{text, record.EscapeName(text)})
	}
	m.metadata, m.resource = newAttributeMatchers(f.Metadata), newAttributeMatchers(f.Resource)
	m.words, m.reasons, m.failures = newWords(f.Text), newWords(f.Reason), newWords(f.Failure)
	for i := range f.Not {
		var excluded Matcher
		excluded.prepare(&f.Not[i])
		m.not = append(m.not, excluded)
	}
}

// Matches reports whether a record matches the filter. It ignores Ascending, After and
// Limit.
func (m *Matcher) Matches(r *record.Record) bool {
	return m.matchesEvent(r) && m.matchesAttempt(r) && m.matchesActor(r) && m.matchesTargets(r) && m.matchesChanges(r) &&
		matchAttributes(m.metadata, r.Metadata) && (len(m.resource) == 0 || matchAttributes(m.resource, r.Resource.Attributes())) &&
		m.matchesTexts(r) && !m.excludes(r)
}

func (m *Matcher) matchesEvent(r *record.Record) bool {
	f := &m.filter
	return (f.Since.IsZero() || !r.Time.Before(f.Since)) && (f.Until.IsZero() || r.Time.Before(f.Until)) &&
		anyOf(f.IDs, r.ID) && anyOf(f.Operations, r.Operation) && anyOf(f.Outcomes, r.Outcome) && anyOf(f.Kinds, r.Kind) &&
		(len(f.Actions) == 0 || slices.ContainsFunc(f.Actions, func(p string) bool { return policy.Match(p, r.Action) })) &&
		matchNames(m.tenants, r.Tenant, r, "tenant") && matchNames(m.channels, r.Channel, r, "channel")
}

func (m *Matcher) matchesAttempt(r *record.Record) bool {
	f := &m.filter
	return anyOf(f.Attempts, r.Attempt) && (len(f.Stages) == 0 || slices.Contains(f.Stages, StageOf(r))) && anyOf(f.TraceIDs, r.TraceID)
}

// anyOf reports whether v is one of the values, or there are none.
func anyOf[T comparable](values []T, v T) bool { return len(values) == 0 || slices.Contains(values, v) }

func (m *Matcher) matchesActor(r *record.Record) bool {
	if !anyOf(m.filter.ActorTypes, r.Actor.Type) || !anyOf(m.filter.Sessions, r.Actor.SessionID) ||
		m.filter.Delegated && r.Actor.OnBehalfOf == nil || len(m.actors) > 0 && !matchActor(m.actors, &r.Actor, r, "actor") {
		return false
	}
	if len(m.onBehalfOf) == 0 {
		return true
	}
	for a, depth := r.Actor.OnBehalfOf, 1; a != nil && depth <= record.MaxDelegation; a, depth = a.OnBehalfOf, depth+1 {
		if matchActor(m.onBehalfOf, a, r, "actor"+delegations[:depth*len(delegation)]) {
			return true
		}
	}
	return false
}

// delegation is the path of an actor from that of the one who acts for it, and delegations
// that of the last in the longest chain.
const delegation = ".on_behalf_of"

var delegations = strings.Repeat(delegation, record.MaxDelegation)

// actorMatcher matches an actor by type, unless it is ActorNone, and ID.
type actorMatcher struct {
	kind audit.ActorType
	id   nameMatcher
}

func newActorMatchers(actors []audit.Actor) []actorMatcher {
	var matchers []actorMatcher
	for i := range actors {
		matchers = append(matchers, actorMatcher{actors[i].Type, newNameMatcher(actors[i].ID)})
	}
	return matchers
}

func matchActor(matchers []actorMatcher, a *audit.Actor, r *record.Record, path string) bool {
	for i := range matchers {
		if m := &matchers[i]; (m.kind == audit.ActorNone || m.kind == a.Type) && m.id.matches(a.ID, r, path, ".id") {
			return true
		}
	}
	return false
}

// targetMatcher matches a target by type, unless it is empty, and ID.
type targetMatcher struct{ kind, id nameMatcher }

// matchesTargets reports whether the target, or a target that it covers, matches Targets,
// and one matches TargetTypes.
func (m *Matcher) matchesTargets(r *record.Record) bool {
	return (len(m.targets) == 0 || anyTarget(r, m.isTarget)) && (len(m.targetTypes) == 0 || anyTarget(r, m.isOfType))
}

// anyTarget reports whether match accepts the target of a record or one that it covers.
// The paths of these are made only if a text is as long as one that is cut.
func anyTarget(r *record.Record, match func(t *audit.Target, r *record.Record, path string) bool) bool {
	if match(&r.Target, r, "target") {
		return true
	}
	for i := range r.Covers {
		path := "covers"
		if len(r.Marks) > 0 {
			path += "[" + strconv.Itoa(i) + "]"
		}
		if match(&r.Covers[i], r, path) {
			return true
		}
	}
	return false
}

func (m *Matcher) isTarget(t *audit.Target, r *record.Record, path string) bool {
	for i := range m.targets {
		want := &m.targets[i]
		if (want.kind.text == "" || want.kind.matches(t.Type, r, path, ".type")) && want.id.matches(t.ID, r, path, ".id") {
			return true
		}
	}
	return false
}

func (m *Matcher) isOfType(t *audit.Target, r *record.Record, path string) bool {
	for i := range m.targetTypes {
		if m.targetTypes[i].matches(t.Type, r, path, ".type") {
			return true
		}
	}
	return false
}

// pattern is a pattern as it was given, and escaped as a record would have it.
type pattern struct{ text, escaped string }

func (m *Matcher) matchesChanges(r *record.Record) bool {
	if len(m.changed) == 0 {
		return true
	}
	for i := range r.Changes {
		for _, p := range m.changed {
			if policy.Match(p.text, r.Changes[i].Field) || p.escaped != p.text && policy.Match(p.escaped, r.Changes[i].Field) {
				return true
			}
		}
	}
	return false
}

func (m *Matcher) excludes(r *record.Record) bool {
	for i := range m.not {
		if m.not[i].Matches(r) {
			return true
		}
	}
	return false
}

// nameMatcher matches a text that says who or what, as a record has it.
type nameMatcher struct {
	text    string
	escaped string // and cut
	cut     bool
	hash    [sha256.Size]byte // if it is cut
}

func newNameMatcher(text string) nameMatcher {
	m := nameMatcher{text: text}
	m.escaped, m.cut = record.CutName(text)
	if m.cut {
		m.hash = sha256.Sum256([]byte(text))
	}
	return m
}

func newNameMatchers(texts []string) []nameMatcher {
	var matchers []nameMatcher
	for _, text := range texts {
		matchers = append(matchers, newNameMatcher(text))
	}
	return matchers
}

// matches compares the text with the one that the record has at the path.
func (m *nameMatcher) matches(got string, r *record.Record, parent, member string) bool {
	return got == m.text || got == m.escaped && (!m.cut || hasHash(r.Marks, parent+member, m.hash))
}

// matchNames reports whether a matcher matches the text at the path, or there is none.
func matchNames(matchers []nameMatcher, got string, r *record.Record, path string) bool {
	for i := range matchers {
		if matchers[i].matches(got, r, path, "") {
			return true
		}
	}
	return len(matchers) == 0
}

// hasHash reports whether the text at the path was cut, and had the hash.
func hasHash(marks []mark.Mark, path string, hash [sha256.Size]byte) bool {
	return slices.ContainsFunc(marks, func(m mark.Mark) bool {
		return m.Path == path && m.Kind == mark.Cut && m.SHA256 == hash
	})
}

// attributeMatcher matches the values of a key, any one of which a record must have.
type attributeMatcher struct {
	key, escaped attribute.Key
	values       []attribute.Value
	any          bool // any value
}

func newAttributeMatchers(kvs []attribute.KeyValue) []attributeMatcher {
	var matchers []attributeMatcher
	for _, kv := range kvs {
		at := slices.IndexFunc(matchers, func(m attributeMatcher) bool { return m.key == kv.Key })
		if at < 0 {
			at = len(matchers)
			matchers = append(matchers, attributeMatcher{key: kv.Key, escaped: attribute.Key(record.EscapeName(string(kv.Key)))})
		}
		m := &matchers[at]
		m.any = m.any || kv.Value.Type() == attribute.EMPTY
		m.values = append(m.values, kv.Value)
		if kv.Value.Type() == attribute.STRING {
			m.values = append(m.values, attribute.StringValue(record.EscapeText(kv.Value.AsString())))
		}
	}
	return matchers
}

func matchAttributes(matchers []attributeMatcher, kvs []attribute.KeyValue) bool {
	for i := range matchers {
		if !slices.ContainsFunc(kvs, matchers[i].matches) {
			return false
		}
	}
	return true
}

func (m *attributeMatcher) matches(kv attribute.KeyValue) bool {
	return (kv.Key == m.key || kv.Key == m.escaped) && (m.any || slices.Contains(m.values, kv.Value))
}

// matchesTexts reports whether the record has the words of Reason, Failure and Text.
func (m *Matcher) matchesTexts(r *record.Record) bool {
	for i := range m.reasons {
		if !m.reasons[i].isIn(r.Reason) {
			return false
		}
	}
	for i := range m.failures {
		if !m.failures[i].isIn(r.Failure) {
			return false
		}
	}
	for i := range m.words {
		if !m.words[i].isInTexts(r) {
			return false
		}
	}
	return true
}

// word is a word as it was given, and escaped as a record would have it, both folded.
type word struct {
	forms []foldedText
}

// isInTexts reports whether a text that Filter.Text searches has the word.
func (w *word) isInTexts(r *record.Record) bool {
	if w.isIn(r.Action) || w.isIn(r.Reason) || w.isIn(r.Failure) || w.isIn(r.Tenant) || w.isIn(r.Channel) ||
		w.isIn(r.Bulk.Selector) || slices.ContainsFunc(r.Bulk.Sample, w.isIn) ||
		w.isInTarget(r.Target) || slices.ContainsFunc(r.Covers, w.isInTarget) {
		return true
	}
	for a, depth := &r.Actor, 0; a != nil && depth <= record.MaxDelegation; a, depth = a.OnBehalfOf, depth+1 {
		if w.isIn(a.ID) || w.isIn(a.Name) {
			return true
		}
	}
	for i := range r.Changes {
		if c := &r.Changes[i]; w.isIn(c.Field) || w.isInValue(c.Old) || w.isInValue(c.New) {
			return true
		}
	}
	return slices.ContainsFunc(r.Metadata, func(kv attribute.KeyValue) bool { return w.isInValue(kv.Value) })
}

func (w *word) isInTarget(t audit.Target) bool {
	return w.isIn(t.Type) || w.isIn(t.ID) || w.isIn(t.Name)
}

// isInValue searches a text, and those in lists and maps, except keys.
func (w *word) isInValue(v attribute.Value) bool {
	switch v.Type() {
	case attribute.STRING:
		return w.isIn(v.AsString())
	case attribute.STRINGSLICE:
		return slices.ContainsFunc(v.AsStringSlice(), w.isIn)
	case attribute.SLICE:
		return slices.ContainsFunc(v.AsSlice(), w.isInValue)
	case attribute.MAP:
		return slices.ContainsFunc(v.AsMap(), func(kv attribute.KeyValue) bool { return w.isInValue(kv.Value) })
	default:
		return false
	}
}

func newWords(text string) []word {
	var words []word
	for _, forms := range fold.Words(text) {
		var w word
		for _, form := range forms {
			w.forms = append(w.forms, newFolded(form))
		}
		words = append(words, w)
	}
	return words
}

func (w *word) isIn(text string) bool {
	for i := range w.forms {
		if w.forms[i].isIn(text) {
			return true
		}
	}
	return false
}
