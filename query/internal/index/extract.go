package index

import (
	"bytes"

	"github.com/opendeed/audit/record"
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

	id     []byte // until the next record
	time   int64  // in Unix nanoseconds
	terms  []Key
	values []facetSlot // that are counted

	recordMembers, actorMembers, targetMembers, changeMembers members

	slots    [valueSlots]slot
	changed  [4]slot // names of the first changed fields
	metadata [16]metadataSlot

	buffer []byte // for the canonical JSON of an entry that has another form
}

// facetSlot is a value of a field with facets.
type facetSlot struct {
	*slot

	field Field
}

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

// entry sets what the record of an entry has. ok is false if the entry holds no record. Then what
// was set has no meaning. If x does not take all, it may be true nevertheless.
func (x *extractor) entry(data []byte) (ok bool) {
	if x.extract(data, false) {
		return true
	}
	var r record.Record
	if r.UnmarshalJSON(data) != nil {
		return false
	}
	var err error
	if x.buffer, err = r.AppendJSON(x.buffer[:0]); err != nil {
		return false
	}
	return x.extract(x.buffer, true)
}

// release forgets the last entry, whose frame would otherwise stay in memory.
func (x *extractor) release() { x.parser, x.id = parser{}, nil }

// extract sets what a record has. Unless canonical is true, nobody knows whether the JSON is that
// of a record. ok is then false if it is not, and for what is rarely written.
func (x *extractor) extract(json []byte, canonical bool) (ok bool) {
	x.parser = parser{json: json, canonical: canonical}
	x.id, x.terms, x.values = nil, x.terms[:0], x.values[:0]
	seen, member := 0, none
	for more := x.open('{', '}'); more; more = x.next('}') {
		member = x.member(&x.recordMembers, member)
		seen |= 1 << member
		switch {
		case member == memberID:
			x.id = x.uuid()
			x.termOf(ID, x.id)
		case member == memberTime:
			x.time = x.instant()
		case x.all:
			x.recordMember(member)
		default:
			x.skip(nil)
		}
	}
	const needed = 1<<memberAction | 1<<memberActor | 1<<memberID | 1<<memberKind | 1<<memberOutcome | 1<<memberTime
	return seen&needed == needed && !x.failed && x.at == len(json)
}

// recordMember passes a member of a record other than its ID and its time.
func (x *extractor) recordMember(member int) {
	switch member {
	case memberAction:
		x.term(Action, actionSlot, true)
	case memberActor:
		x.actor(0)
	case memberAttempt:
		x.termOf(Attempt, x.uuid())
	case memberChanges:
		x.changes()
	case memberChannel:
		x.term(Channel, channelSlot, true)
	case memberCovers:
		for more := x.open('[', ']'); more; more = x.next(']') {
			x.target(false)
		}
	case memberFailure:
		x.prose()
	case memberKind:
		x.term(Kind, kindSlot, false)
	case memberMarks:
		x.pass(marksForm)
	case memberMetadata:
		x.attributes()
	case memberObserved:
		x.instant()
	case memberOperation:
		x.term(Operation, operationSlot, false)
	case memberOutcome:
		x.term(Outcome, outcomeSlot, false)
	case memberOverridden:
		x.pass(attributesForm)
	case memberReason:
		x.texts(reasonSlot)
	case memberRedacted:
		x.pass(textsForm)
	case memberResource:
		x.same(resourceSlot, attributesForm)
	case memberSpan:
		x.hex(16)
	case memberTarget:
		x.target(true)
	case memberTenant:
		x.term(Tenant, tenantSlot, true)
	case memberTrace:
		x.termOf(Trace, x.hex(32))
	case memberTracker:
		x.same(trackerSlot, trackerForm)
	default: // memberBulk, which few records have
		if !x.canonical {
			x.fail()
		}
		x.skip(x.signature)
	}
}

// The members, in the order of canonical JSON.
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
	memberMarks
	memberMetadata
	memberObserved
	memberOperation
	memberOutcome
	memberOverridden
	memberReason
	memberRedacted
	memberResource
	memberSpan
	memberTarget
	memberTenant
	memberTime
	memberTrace
	memberTracker
)

var recordMembers = membersNamed("action", "actor", "attempt", "bulk", "changes", "channel", "covers", "failure", "id", "kind", "marks",
	"metadata", "observed_time", "operation", "outcome", "overridden", "reason", "redacted", "resource", "span_id", "target", "tenant",
	"time", "trace_id", "tracker")

const (
	actorAuthMethod = iota
	actorID
	actorName
	actorOnBehalfOf
	actorRoles
	actorSession
	actorType
)

var actorMembers = membersNamed("auth_method", "id", "name", "on_behalf_of", "roles", "session_id", "type")

// actor passes an actor: the first one, at depth 0, or one for whom it acted.
func (x *extractor) actor(depth int) {
	if depth > record.MaxDelegation {
		x.fail()
	}
	member, first := none, depth == 0
	for more := x.open('{', '}'); more; more = x.next('}') {
		switch member = x.member(&x.actorMembers, member); {
		case member == actorAuthMethod && first:
			x.same(actorAuthMethodSlot, textForm)
		case member == actorAuthMethod:
			x.pass(textForm)
		case member == actorID && first:
			x.term(ActorID, actorIDSlot, true)
		case member == actorID:
			x.termOf(OnBehalfOf, x.searched())
		case member == actorName && first:
			x.texts(actorNameSlot)
		case member == actorName:
			x.prose()
		case member == actorOnBehalfOf:
			if first {
				x.termOf(Delegated, []byte("true"))
			}
			x.actor(depth + 1)
		case member == actorRoles && first:
			x.same(actorRolesSlot, textsForm)
		case member == actorRoles:
			x.pass(textsForm)
		case member == actorSession && first:
			x.term(Session, sessionSlot, false)
		case member == actorSession:
			x.termOf(Session, x.plain())
		case first:
			x.term(ActorType, actorTypeSlot, false)
		default:
			x.pass(actorTypeForm)
		}
	}
	if member != actorType {
		x.fail()
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
			x.prose()
		}
	}
}

const (
	changeField = iota
	_           // the new value
	_           // the old one
	changeRedacted
)

var changeMembers = membersNamed("field", "new", "old", "redacted")

func (x *extractor) changes() {
	n := 0
	for more := x.open('[', ']'); more; more = x.next(']') {
		seen, member := 0, none
		for more := x.open('{', '}'); more; more = x.next('}') {
			member = x.member(&x.changeMembers, member)
			seen |= 1 << member
			switch {
			case member == changeRedacted:
				x.pass(trueForm)
			case member != changeField:
				x.value()
			case n < len(x.changed):
				x.termIn(Changed, &x.changed[n], true)
			default:
				x.termOf(Changed, x.searched())
			}
		}
		if seen&(1<<changeField) == 0 {
			x.fail()
		}
		n++
	}
}

func (x *extractor) attributes() {
	var other metadataSlot
	var last []byte // the name before, which is a lower one, so that none is there twice
	n := 0
	for more := x.open('{', '}'); more; more = x.next('}') {
		m := &other
		if n < len(x.metadata) {
			m = &x.metadata[n]
		}
		n++
		start := x.at
		if x.has(m.name.json) {
			if !x.hasValue(&m.value) {
				x.attribute(m)
			}
		} else {
			name := x.plain()
			if x.need(':'); x.failed {
				return
			}
			m.name.set(x.json[start:x.at])
			m.value.set(nil)
			m.name.key = x.hasher.Term(MetadataKey, name)
			m.state = x.hasher.named(Metadata, name)
			x.attribute(m)
		}
		if !x.canonical && bytes.Compare(last, m.name.json) >= 0 {
			x.fail()
		}
		if x.failed {
			return
		}
		last = x.json[start : start+len(m.name.json)]
		x.addTexts(&m.value)
		x.terms = append(x.terms, m.name.key, m.value.key)
	}
}

// attribute passes the value of a member of metadata.
func (x *extractor) attribute(m *metadataSlot) {
	if x.keep(&m.value, valueForm) {
		m.value.key = x.hasher.valued(m.state, m.value.json)
	}
}

// value passes a value of a change and adds the grams of its texts.
func (x *extractor) value() {
	switch start := x.at; {
	case start < len(x.json) && x.json[start] == '"':
		x.anyProse()
	case x.shortInteger():
	default:
		if x.pass(valueForm); !x.failed {
			p := parser{json: x.json[start:x.at]}
			p.skip(x.signature)
		}
	}
}
