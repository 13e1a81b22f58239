package history

import (
	"cmp"
	"slices"
)

// past is the state at a time, which later versions complete.
type past struct {
	state    *State
	names    map[string]bool
	doubtful bool // a version since then does not say what it changed
}

func newPast(s *State) *past {
	p := &past{state: s, names: map[string]bool{}}
	for _, f := range s.Fields {
		p.names[f.Name] = true
	}
	return p
}

// learn adds what a version after the time says about it. It reports whether later ones can
// say more: those of another life of the object cannot.
func (p *past) learn(v *Version) bool {
	s := p.state
	switch {
	case v.Effect == None:
		return true
	case s.Exists == Gone:
		return false
	case v.Effect == Created:
		if s.Exists == Unrecorded {
			s.Exists = Gone
			s.Fields = nil
		}
		return false
	case v.Effect == Uncertain:
		p.doubtful = true
		return true
	}
	if s.Exists == Unrecorded && !p.doubtful {
		s.Exists = Present
	}
	for _, c := range v.Changes {
		if p.names[c.Field] || c.Old.Status == Unknown || c.Old.Status == NotLoaded || len(s.Fields) >= MaxFields {
			continue
		}
		p.names[c.Field] = true
		s.Fields = append(s.Fields, Field{Name: c.Field, Value: c.Old, Source: sourceOf(v.Record), Later: true, Doubtful: p.doubtful})
	}
	p.doubtful = p.doubtful || slices.Contains(v.Gaps, Unlisted)
	return v.Effect != Deleted
}

// sorted returns the state with its fields in order, without those that have no value.
func (p *past) sorted() *State {
	p.state.Fields = slices.DeleteFunc(p.state.Fields, func(f Field) bool { return f.Value.Status == Absent && !f.Doubtful })
	slices.SortFunc(p.state.Fields, func(a, b Field) int { return cmp.Compare(a.Name, b.Name) })
	return p.state
}
