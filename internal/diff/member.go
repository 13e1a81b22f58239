package diff

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"

	"github.com/opendeed/audit/internal/values"
)

// member is a named part of a map, or of a slice that is recorded by key.
type member struct {
	name     string
	value    reflect.Value
	selected selection
}

func compareMembers(a, b member) int { return cmp.Compare(a.name, b.name) }

// membersOfMap returns what is opted in of a map, sorted by name. It reports false
// if a key has no text or the text of another key.
func membersOfMap(v reflect.Value, s selection) (members []member, ok bool) {
	members = make([]member, 0, v.Len())
	for entries := v.MapRange(); entries.Next(); {
		name, ok := values.KeyText(entries.Key())
		if !ok && s.level != levelAll {
			continue // no rule can name it
		}
		if !ok {
			return nil, false
		}
		if selected := s.forKey(name); !selected.empty() {
			members = append(members, member{name: name, value: entries.Value(), selected: selected})
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

// membersOfList returns the elements of a slice or array, sorted by name. The name
// is the text of the key field of their plan. The second element with a key gets
// the suffix #2, and so on. An element whose key has no text is named by its index.
func membersOfList(v reflect.Value, plan *structPlan, s selection) []member {
	members := make([]member, 0, v.Len())
	uses := make(map[string]int, v.Len())
	for i := range v.Len() {
		elem := v.Index(i)
		inner, _ := values.Indirect(elem)
		if !inner.IsValid() {
			continue
		}
		name, ok := values.KeyText(plan.fields[plan.key].valueIn(inner))
		if !ok {
			name = strconv.Itoa(i)
		}
		uses[name] = 0
		members = append(members, member{name: name, value: elem, selected: s})
	}
	for i := range members {
		members[i].name = uniqueName(members[i].name, uses)
	}
	slices.SortFunc(members, compareMembers)
	return members
}

// uniqueName returns name for its first use, and name with a numbered suffix after
// that. It skips suffixed names that are the key of an element. uses has every key
// and counts its uses.
func uniqueName(name string, uses map[string]int) string {
	for {
		uses[name]++
		if uses[name] == 1 {
			return name
		}
		numbered := name + "#" + strconv.Itoa(uses[name])
		if _, found := uses[numbered]; !found {
			uses[numbered] = 1
			return numbered
		}
	}
}

// keyedMembers returns the elements of two slices or arrays of one type. It
// reports false if the tags of the element name no key.
func keyedMembers(a, b reflect.Value) (x, y []member, ok bool) {
	s := selection{level: levelTags}
	plan := tagPlanner.keyPlan(a.Type().Elem(), s)
	if plan == nil {
		return nil, nil, false
	}
	return membersOfList(a, plan, s), membersOfList(b, plan, s), true
}
