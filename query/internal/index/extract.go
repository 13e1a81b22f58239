package index

import (
	"bytes"
)

// extractor takes from the JSON of records what an index has of them. It reads canonical JSON
// without decoding it, and remembers what the last record had, since most of that is the same
// in the next one.
type extractor struct {
	parser

	hasher    Hasher
	all       bool       // take terms and texts, not only the ID and the time
	signature *signature // of the current block
	block     int        // changes with signature

	id    []byte // until the next record
	time  int64  // in Unix nanoseconds
	found []foundTerm

	recordMembers, actorMembers, targetMembers, changeMembers members

	values   [valueSlots]slot
	changed  [4]slot // names of the first changed fields
	metadata [16]metadataSlot
}

// foundTerm is a term of the record. in is nil for terms without facets.
type foundTerm struct {
	key   Key
	field Field
	in    *slot
}

// slot remembers a value and its term.
type slot struct {
	json  []byte // as it is in the JSON
	key   Key
	block int         // whose signature has its grams
	facet *FacetValue // that counts it, if it is known
}

// set sets the value.
func (s *slot) set(json []byte) {
	s.json = append(s.json[:0], json...)
	s.block, s.facet = 0, nil
}

// metadataSlot remembers a member of metadata.
type metadataSlot struct {
	name  slot // with the colon
	state uint64
	value slot
}

// The slots of values that a record has once.
const (
	actionSlot = iota
	actorIDSlot
	actorNameSlot
	actorRolesSlot
	actorTypeSlot
	channelSlot
	kindSlot
	operationSlot
	outcomeSlot
	reasonSlot
	resourceSlot
	sessionSlot
	targetIDSlot
	targetNameSlot
	targetTypeSlot
	tenantSlot
	trackerSlot
	valueSlots
)

func newExtractor(h Hasher, all bool) extractor {
	return extractor{
		hasher: h, all: all, recordMembers: recordMembers, actorMembers: actorMembers, targetMembers: targetMembers,
		changeMembers: changeMembers,
	}
}

// begin makes a signature that of the entries from now on.
func (x *extractor) begin(s *signature) {
	x.signature = s
	x.block++
}

// extract sets what a record has. Unless canonical is true, nobody knows whether the entry is
// canonical; ok is then false where its terms could be spelled in another way than those of
// the decoded record. Then what was set has no meaning.
func (x *extractor) extract(json []byte, canonical bool) (ok bool) {
	x.parser = parser{json: json, canonical: canonical}
	x.id, x.found = nil, x.found[:0]
	timed, member := false, none
	for more := x.open('{', '}'); more; more = x.next('}') {
		switch member = x.member(&x.recordMembers, member); {
		case member == memberID:
			x.id = x.text()
			x.termOf(ID, x.id)
		case member == memberTime:
			x.time, timed = parseTime(x.text())
		case x.all:
			x.recordMember(member)
		default:
			x.skip(nil)
		}
	}
	return timed && !x.failed && x.at == len(json)
}

// recordMember passes a member of a record other than its ID and its time.
func (x *extractor) recordMember(member int) {
	switch member {
	case memberAction:
		x.term(Action, actionSlot, true)
	case memberActor:
		x.actor(true)
	case memberAttempt:
		x.termOf(Attempt, x.text())
	case memberBulk, memberFailure:
		x.skip(x.signature)
	case memberChanges:
		x.changes()
	case memberChannel:
		x.term(Channel, channelSlot, true)
	case memberCovers:
		for more := x.open('[', ']'); more; more = x.next(']') {
			x.target(false)
		}
	case memberKind:
		x.term(Kind, kindSlot, false)
	case memberMetadata:
		x.attributes()
	case memberOperation:
		x.term(Operation, operationSlot, false)
	case memberOutcome:
		x.term(Outcome, outcomeSlot, false)
	case memberReason:
		x.texts(reasonSlot)
	case memberResource:
		x.same(&x.values[resourceSlot])
	case memberTarget:
		x.target(true)
	case memberTenant:
		x.term(Tenant, tenantSlot, true)
	case memberTrace:
		x.termOf(Trace, x.text())
	case memberTracker:
		x.same(&x.values[trackerSlot])
	default:
		x.skip(nil)
	}
}

// The usual members, in the order of canonical JSON.
const (
	memberAction = iota
	memberActor
	memberAttempt
	memberBulk
	memberChanges
	memberChannel
	memberCovers
	memberFailure
	memberID
	memberKind
	memberMetadata
	memberObserved
	memberOperation
	memberOutcome
	memberReason
	memberResource
	memberSpan
	memberTarget
	memberTenant
	memberTime
	memberTrace
	memberTracker
)

var recordMembers = membersNamed("action", "actor", "attempt", "bulk", "changes", "channel", "covers", "failure", "id", "kind", "metadata",
	"observed_time", "operation", "outcome", "reason", "resource", "span_id", "target", "tenant", "time", "trace_id", "tracker")

const (
	_ = iota // how the actor was authenticated
	actorID
	actorName
	actorOnBehalfOf
	actorRoles
	actorSession
	actorType
)

var actorMembers = membersNamed("auth_method", "id", "name", "on_behalf_of", "roles", "session_id", "type")

// actor passes an actor: the first one, or one for whom it acted.
func (x *extractor) actor(first bool) {
	member := none
	for more := x.open('{', '}'); more; more = x.next('}') {
		switch member = x.member(&x.actorMembers, member); {
		case member == actorOnBehalfOf:
			if first {
				x.termOf(Delegated, []byte("true"))
			}
			x.actor(false)
		case member == actorSession && first:
			x.term(Session, sessionSlot, false)
		case member == actorSession:
			x.termOf(Session, x.text())
		case member == actorID && first:
			x.term(ActorID, actorIDSlot, true)
		case member == actorID:
			x.termOf(OnBehalfOf, x.searched())
		case member == actorName && first:
			x.texts(actorNameSlot)
		case member == actorName:
			x.skip(x.signature)
		case member == actorRoles && first:
			x.same(&x.values[actorRolesSlot])
		case member == actorType && first:
			x.term(ActorType, actorTypeSlot, false)
		default:
			x.skip(nil)
		}
	}
}

const (
	targetID = iota
	targetName
	targetType
)

var targetMembers = membersNamed("id", "name", "type")

// target passes a target: that of the record, or one that is covered, whose type would be counted
// as a facet.
func (x *extractor) target(first bool) {
	member := none
	for more := x.open('{', '}'); more; more = x.next('}') {
		switch member = x.member(&x.targetMembers, member); {
		case member == targetID && first:
			x.term(TargetID, targetIDSlot, true)
		case member == targetID:
			x.termOf(TargetID, x.searched())
		case member == targetName && first:
			x.texts(targetNameSlot)
		case member == targetType && first:
			x.term(TargetType, targetTypeSlot, true)
		default:
			x.skip(x.signature)
		}
	}
}

const changeField = 0

var changeMembers = membersNamed("field", "new", "old")

func (x *extractor) changes() {
	n := 0
	for more := x.open('[', ']'); more; more = x.next(']') {
		member := none
		for more := x.open('{', '}'); more; more = x.next('}') {
			switch member = x.member(&x.changeMembers, member); {
			case member != changeField:
				x.skip(x.signature)
			case n < len(x.changed):
				x.termIn(Changed, &x.changed[n], true)
			default:
				x.termOf(Changed, x.searched())
			}
		}
		n++
	}
}

func (x *extractor) attributes() {
	var other metadataSlot
	n := 0
	for more := x.open('{', '}'); more; more = x.next('}') {
		m := &other
		if n < len(x.metadata) {
			m = &x.metadata[n]
		}
		n++
		if x.has(m.name.json) {
			if !x.hasValue(&m.value) {
				x.attribute(m)
			}
		} else {
			start := x.at
			name := x.name()
			if x.failed {
				return
			}
			m.name.set(x.json[start:x.at])
			m.value.set(nil)
			m.name.key = x.hasher.Term(MetadataKey, name)
			m.state = x.hasher.named(Metadata, name)
			x.attribute(m)
		}
		x.addTexts(&m.value)
		x.found = append(x.found, foundTerm{key: m.name.key, field: MetadataKey}, foundTerm{key: m.value.key, field: Metadata})
	}
}

// attribute passes the value of a member of metadata.
func (x *extractor) attribute(m *metadataSlot) {
	start := x.at
	x.skip(nil)
	value := x.json[start:x.at]
	if !x.canonical && (len(value) == 0 || value[0] == '{' || value[0] == '[' || bytes.IndexByte(value, '\\') >= 0) {
		x.failed = true
	}
	if x.failed {
		return
	}
	m.value.set(value)
	m.value.key = x.hasher.valued(m.state, value)
}

// term passes the text of a term, and adds it. If it is searched, so does its signature.
func (x *extractor) term(f Field, in int, searched bool) { x.termIn(f, &x.values[in], searched) }

func (x *extractor) termIn(f Field, s *slot, searched bool) {
	if !x.has(s.json) {
		start := x.at
		text := x.text()
		if x.failed {
			return
		}
		s.set(x.json[start:x.at])
		s.key = x.hasher.Term(f, text)
	}
	if searched {
		x.addTexts(s)
	}
	x.found = append(x.found, foundTerm{s.key, f, s})
}

// termOf adds a term with a text.
func (x *extractor) termOf(f Field, text []byte) {
	if x.all && !x.failed {
		x.found = append(x.found, foundTerm{key: x.hasher.Term(f, text), field: f})
	}
}

// searched passes a text and adds its grams.
func (x *extractor) searched() []byte {
	start := x.at
	text := x.text()
	if !x.failed {
		x.signature.add(x.json[start:x.at])
	}
	return text
}

// texts passes a value and adds the grams of its texts.
func (x *extractor) texts(in int) {
	s := &x.values[in]
	x.same(s)
	x.addTexts(s)
}

// same passes a value, which is that of the last record, usually.
func (x *extractor) same(s *slot) {
	if !x.hasValue(s) {
		start := x.at
		if x.skip(nil); !x.failed {
			s.set(x.json[start:x.at])
		}
	}
}

// addTexts adds the grams of a value, unless the signature has them.
func (x *extractor) addTexts(s *slot) {
	if s.block == x.block || x.failed || len(s.json) == 0 {
		return
	}
	s.block = x.block
	switch s.json[0] {
	case '"':
		x.signature.add(s.json)
	case '[', '{':
		p := parser{json: s.json}
		p.skip(x.signature)
	}
}

// has passes a string, which is not empty, if it is next.
func (x *extractor) has(json []byte) bool {
	if len(json) == 0 || !bytes.HasPrefix(x.json[x.at:], json) {
		return false
	}
	x.at += len(json)
	return true
}

// hasValue passes the value of a slot if it is next. A number may be the beginning of another
// one.
func (x *extractor) hasValue(s *slot) bool {
	end := x.at + len(s.json)
	return end < len(x.json) && (x.json[end] == ',' || x.json[end] == '}') && x.has(s.json)
}
