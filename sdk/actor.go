package sdk

import (
	"errors"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
)

// isRecordable reports whether the record of a signal can have the actor. A chain that is
// too long is shortened.
func isRecordable(a *audit.Actor) bool {
	err := record.CheckActor(a, audit.KindSignal)
	invalid, ok := errors.AsType[*audit.ValidationError](err)
	return err == nil || ok && invalid.Field == pathDelegation
}

const (
	pathActor      = "actor"
	pathDelegation = "actor.on_behalf_of"
)

// withoutActor returns the marks of a scope that are not about its actor, for an event that
// has another.
func withoutActor(marks []mark.Mark) []mark.Mark {
	isActor := func(m mark.Mark) bool { return strings.HasPrefix(m.Path, pathActor+".") }
	if !slices.ContainsFunc(marks, isActor) {
		return marks
	}
	return slices.DeleteFunc(slices.Clone(marks), isActor)
}
