// Package reads collects what was read in a scope, so that who saw what costs one record a
// request, and not one for each object.
package reads

import (
	"reflect"
	"slices"
	"time"

	"github.com/opendeed/audit/internal/limits"
)

// Kind is what reads that are one signal have in common.
type Kind struct {
	Source             any // who noted them; comparable
	Action, TargetType string
	Outcome            uint8  // an audit.Outcome
	ErrorType          string // if they failed
	OneIn              int    // if they are sampled
	Actor              any    // an *audit.Actor that is not the scope's, or nil
}

func (k *Kind) equal(other *Kind) bool {
	one, two := *k, *other
	one.Actor, two.Actor = nil, nil
	return one == two && (k.Actor == other.Actor || reflect.DeepEqual(k.Actor, other.Actor))
}

// Object is an object that was read.
type Object struct{ ID, Name string }

// Fold is what was read of one kind.
type Fold[Tracker any] struct {
	Kind    Kind
	Tracker Tracker
	Since   time.Time
	Name    string   // of the first object
	IDs     []string // different ones, at most limits.Sample
	Cut     int64    // objects for whose IDs there was no room
	Unnamed int64    // objects without an ID

	known map[string]bool // has IDs, if they are many
}

const fewIDs = 16 // searched one by one

// Add adds objects that were read.
func (f *Fold[T]) Add(objects ...Object) {
	for _, o := range objects {
		f.add(o)
	}
}

func (f *Fold[T]) add(o Object) {
	switch {
	case o.ID == "":
		f.Unnamed++
	case f.knows(o.ID):
	case len(f.IDs) == limits.Sample:
		f.Cut++
	default:
		if len(f.IDs) == 0 {
			f.Name = o.Name
		}
		f.IDs = append(f.IDs, o.ID)
		if f.known != nil {
			f.known[o.ID] = true
		}
	}
}

// knows reports whether an ID is among IDs.
func (f *Fold[T]) knows(id string) bool {
	if len(f.IDs) < fewIDs {
		return slices.Contains(f.IDs, id)
	}
	if f.known == nil {
		f.known = make(map[string]bool, 2*len(f.IDs))
		for _, id := range f.IDs {
			f.known[id] = true
		}
	}
	return f.known[id]
}

// Merge adds the reads of an inner scope.
func (f *Fold[T]) Merge(inner *Fold[T]) {
	for i, id := range inner.IDs {
		o := Object{ID: id}
		if i == 0 {
			o.Name = inner.Name
		}
		f.add(o)
	}
	f.Cut += inner.Cut
	f.Unnamed += inner.Unnamed
	if inner.Since.Before(f.Since) {
		f.Since = inner.Since
	}
}

// Count returns how many objects were read.
func (f *Fold[T]) Count() int64 { return int64(len(f.IDs)) + f.Cut + f.Unnamed }

// Folds is what was read in a scope. It is not safe for concurrent use.
type Folds[Tracker any] []*Fold[Tracker]

// maxFolds limits what a scope keeps.
const maxFolds = 100

// Find returns the fold of a kind, a new one if the scope has none yet. It returns nil if
// the scope has too many.
func (all *Folds[T]) Find(kind Kind, t T, since time.Time) *Fold[T] {
	for _, f := range *all {
		if f.Kind.equal(&kind) {
			return f
		}
	}
	if len(*all) == maxFolds {
		return nil
	}
	f := &Fold[T]{Kind: kind, Tracker: t, Since: since}
	*all = append(*all, f)
	return f
}
