package index

import "bytes"

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
	actorAuthMethodSlot
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

// term passes the text of a term, and adds it. If it is searched, so does its signature.
func (x *extractor) term(f Field, in int, searched bool) { x.termIn(f, &x.slots[in], searched) }

func (x *extractor) termIn(f Field, s *slot, searched bool) {
	if !x.has(s.json) {
		if !x.keep(s, forms[f]) {
			return
		}
		s.key = x.hasher.Term(f, s.json[1:len(s.json)-1])
	}
	if searched {
		x.addTexts(s)
	}
	x.terms = append(x.terms, s.key)
	if faceted>>f&1 != 0 {
		x.values = append(x.values, facetSlot{s, f})
	}
}

// termOf adds a term with a text.
func (x *extractor) termOf(f Field, text []byte) {
	if x.all && !x.failed {
		x.terms = append(x.terms, x.hasher.Term(f, text))
	}
}

// searched passes the text of a term, and adds its grams.
func (x *extractor) searched() []byte {
	start := x.at
	text := x.text()
	if !x.failed && !x.signature.add(x.json[start:x.at]) {
		x.fail()
	}
	return text
}

// prose passes a text that is no term, and adds its grams.
func (x *extractor) prose() {
	start := x.at
	if x.anyProse(); x.at == start+len(`""`) {
		x.fail()
	}
}

// anyProse is prose, but accepts an empty text.
func (x *extractor) anyProse() {
	start := x.at
	if x.string(); !x.failed && !x.signature.add(x.json[start:x.at]) {
		x.fail()
	}
}

// texts passes a text and adds its grams.
func (x *extractor) texts(in int) {
	x.same(in, textForm)
	x.addTexts(&x.slots[in])
}

// same passes a value, which is that of the last record, usually.
func (x *extractor) same(in int, f form) {
	if s := &x.slots[in]; !x.hasValue(s) {
		x.keep(s, f)
	}
}

// keep passes a value of a form, and sets a slot.
func (x *extractor) keep(s *slot, f form) (ok bool) {
	start := x.at
	if x.pass(f); !x.failed {
		s.set(x.json[start:x.at])
	}
	return !x.failed
}

// pass passes a value, and fails if it has another form.
func (x *extractor) pass(f form) {
	start := x.at
	if x.skip(nil); x.canonical || x.failed {
		return
	}
	if !f.matches(x.json[start:x.at]) {
		x.fail()
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
