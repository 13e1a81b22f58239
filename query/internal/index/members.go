package index

import "encoding/binary"

// members are the names of the members of an object. Which one follows which is remembered.
type members struct {
	names    []memberName
	followed [maxMembers + 1]uint8 // by number plus one, zero for the first
}

const (
	maxMembers = 25
	// none is the number of the member before the first.
	none = -1
)

// memberName is the name of a member, with quotes and a colon. It has 4 to 16 bytes.
type memberName struct {
	text       string
	head, mask uint64 // its first eight bytes, and which of them it has
	tail       uint64 // its last eight bytes, if it has more
}

func membersNamed(names ...string) (m members) {
	le := binary.LittleEndian
	for _, name := range names {
		text := `"` + name + `":`
		var head, mask [8]byte
		for i := range copy(head[:], text) {
			mask[i] = 0xff
		}
		n := memberName{text: text, head: le.Uint64(head[:]), mask: le.Uint64(mask[:])}
		if len(text) > 8 {
			n.tail = le.Uint64([]byte(text[len(text)-8:]))
		}
		m.names = append(m.names, n)
	}
	return m
}

// isNext reports whether JSON begins with the name.
func (n *memberName) isNext(json []byte) bool {
	if len(json) < 16 {
		return len(json) >= len(n.text) && string(json[:len(n.text)]) == n.text
	}
	return binary.LittleEndian.Uint64(json)&n.mask == n.head &&
		(len(n.text) <= 8 || binary.LittleEndian.Uint64(json[len(n.text)-8:]) == n.tail)
}

// member passes the name of a member, and returns its number. It fails unless it is one of those
// after last, the member before it, since the names in canonical JSON ascend.
func (p *parser) member(of *members, last int) int {
	rest := p.json[p.at:]
	if expected := int(of.followed[last+1]); expected > last && of.names[expected].isNext(rest) {
		p.at += len(of.names[expected].text)
		return expected
	}
	for i := last + 1; i < len(of.names); i++ {
		if n := &of.names[i]; n.isNext(rest) {
			p.at += len(n.text)
			of.followed[last+1] = uint8(i)
			return i
		}
	}
	p.fail()
	return 0
}
