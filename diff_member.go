package audit

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
)

// member is a part of a map, or of a slice that goes by key, under its name.
type member struct {
	name  string
	value reflect.Value
	optIn optIn
}

func compareMembers(a, b member) int { return cmp.Compare(a.name, b.name) }

// membersOfMap returns what is opted in of a map, in the order of the names. It
// reports false where a key has no text, or the same text as another one has.
func membersOfMap(v reflect.Value, in optIn) ([]member, bool) {
	members := make([]member, 0, v.Len())
	for entries := v.MapRange(); entries.Next(); {
		name, ok := keyText(entries.Key())
		if !ok && in.level != optAll {
			continue // no rule can name it
		}
		if !ok {
			return nil, false
		}
		if of := in.member(name); !of.nothing() {
			members = append(members, member{name: name, value: entries.Value(), optIn: of})
		}
	}
	slices.SortFunc(members, compareMembers)
	for i := 1; i < len(members); i++ {
		if members[i].name == members[i-1].name {
			return nil, false
		}
	}
	return members, true
}

// membersOfList returns the elements of a slice or array under the text of their
// key, which is field key of their plan, in the order of the names. The second
// element with the same key gets #2 after it, and so on; an element whose key
// fails to give a text goes by its index.
func membersOfList(v reflect.Value, by *plan, in optIn) []member {
	members := make([]member, 0, v.Len())
	taken := make(map[string]int, v.Len())
	for i := range v.Len() {
		elem := v.Index(i)
		held, _ := follow(elem)
		if !held.IsValid() {
			continue
		}
		name, ok := keyText(by.fields[by.key].of(held))
		if !ok {
			name = strconv.Itoa(i)
		}
		taken[name] = 0
		members = append(members, member{name: name, value: elem, optIn: in})
	}
	for i := range members {
		members[i].name = untaken(members[i].name, taken)
	}
	slices.SortFunc(members, compareMembers)
	return members
}

// untaken returns name for the first that asks, and a numbered one for others,
// which is the key of no element. taken counts who asked.
func untaken(name string, taken map[string]int) string {
	for {
		taken[name]++
		if taken[name] == 1 {
			return name
		}
		numbered := name + "#" + strconv.Itoa(taken[name])
		if _, ok := taken[numbered]; !ok {
			taken[numbered] = 1
			return numbered
		}
	}
}

// membersByKey returns the elements of two slices or arrays of one type under
// their keys, if by its tags it goes by key.
func membersByKey(a, b reflect.Value) (x, y []member, ok bool) {
	in := optIn{level: optTags}
	by := tagPlans.keyed(a.Type().Elem(), in)
	if by == nil {
		return nil, nil, false
	}
	return membersOfList(a, by, in), membersOfList(b, by, in), true
}

// keyed returns the plan of the elements of a slice, or nil where it goes by
// index.
func (p *planner) keyed(elem reflect.Type, in optIn) *plan {
	elem = pointee(elem)
	if shapeOf(elem) != shapeStruct {
		return nil
	}
	if made := p.plan(elem, in); made.key >= 0 {
		return made
	}
	return nil
}

// keyText returns the text of the key of a map or of an element.
func keyText(v reflect.Value) (string, bool) {
	v, _ = follow(v)
	if isNil(v) {
		return "", false
	}
	return textOf(v)
}
