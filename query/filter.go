package query

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/fingerprint"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Filter selects records. A record must match every field that is set, and matches a list
// if it matches one of its elements. A zero field or an empty list selects all records.
//
// Texts may be the original ones or, as in the record, escaped and cut: see
// record.EscapeName. An original ID, type, tenant or channel that is cut in the record
// matches if the record's mark has its hash: see record.CutName.
//
// docs/query.md has an example of each field, and the JSON of a filter.
type Filter struct {
	// IDs are the IDs of the records themselves.
	IDs []audit.ID

	// Actors did it. They are compared by type and ID, of which the type may be missing.
	// Other fields of an actor are ignored.
	Actors     []audit.Actor
	ActorTypes []audit.ActorType
	// OnBehalfOf are actors for whom the actor acted, anywhere in the chain. They are
	// compared as in Actors.
	OnBehalfOf []audit.Actor
	// Delegated selects the records whose actor acted on behalf of somebody, whoever that is.
	Delegated bool
	// Sessions are fingerprints of the actor's session: see [SessionOf]. A session ID is a
	// secret, so a filter has none.
	Sessions []string
	// Tenants and Channels may have an empty text, for records without one.
	Tenants, Channels []string

	// Actions are patterns as in policy.Match: * matches any characters, so "invoice.*"
	// matches every action of invoices.
	Actions []string
	// Operations may have audit.OperationUnspecified, for records without one.
	Operations []audit.Operation
	Outcomes   []audit.Outcome
	Kinds      []audit.Kind
	// Targets are what it was done to: the target of a record, or one that it covers. They
	// are compared by type and ID, of which the type may be missing. Names are ignored.
	Targets     []audit.Target
	TargetTypes []string
	// Changed are patterns, as in Actions, for the fields of the record's changes.
	Changed []string

	// Attempts are the IDs of attempts, each the ID of the record that began it.
	Attempts []audit.ID
	// Stages select records by their place in an attempt: see [OpenAttempts] for those that
	// have no end.
	Stages   []Stage
	TraceIDs []trace.TraceID

	// Metadata lists attributes that a record must have, with the same value of the same
	// type. An attribute with an empty value matches any value. Of several attributes with
	// one key, a record must match one. The client's address and the route are metadata:
	// see package semconv.
	Metadata []attribute.KeyValue
	// Resource is the same for the service that tracked the event, e.g. its service.name.
	Resource []attribute.KeyValue

	// Reason and Failure are words that this text of a record must have, as in Text.
	Reason, Failure string
	// Text is words separated by white space. A record must have each of them, anywhere in
	// one of its texts: the action; ID and name of the actor and of those on whose behalf
	// it acted; type, ID and name of the target and of those that it covers; reason;
	// failure; tenant; channel; the selector and the sample of a bulk change; the fields of
	// changes; and the texts among the values of changes and metadata, also in lists and
	// maps. A word matches a part of a longer one. Case does not count, nor does the
	// Unicode normalization; accents do. It has at most 1,024 bytes.
	//
	// Precisely, both are put into normalization form C, and then compared by simple case
	// folding. Numbers are not searched, nor what was cut or masked.
	Text string

	// Since and Until bound the time of the event: Since is included, Until is not.
	Since, Until time.Time

	// Not excludes the records that match one of these filters, of which none may be empty
	// or have Not, Ascending, After or Limit.
	Not []Filter

	// Ascending returns the oldest records first.
	Ascending bool
	// After skips the record with this cursor and all that come before it; see CursorOf.
	After string
	// Limit is the most records returned. Zero means no limit.
	Limit int
}

// Stage is the place of a record in an attempt (audit.Begin).
type Stage uint8

// The stages.
const (
	// StageNone is that of a record that belongs to no attempt.
	StageNone Stage = iota
	// StageBegin is that of the record that began an attempt.
	StageBegin
	// StageEnd is that of a record with the result of an attempt.
	StageEnd
)

var stageWords = [...]string{"none", "begin", "end"}

// StageOf returns the stage of a record.
func StageOf(r *record.Record) Stage {
	switch {
	case r.Attempt.IsZero():
		return StageNone
	case r.BeginsAttempt():
		return StageBegin
	}
	return StageEnd
}

// Valid reports whether s is one of the constants.
func (s Stage) Valid() bool { return int(s) < len(stageWords) }

// String returns "none", "begin" or "end".
func (s Stage) String() string {
	if s.Valid() {
		return stageWords[s]
	}
	return "Stage(" + strconv.Itoa(int(s)) + ")"
}

// SessionOf returns the fingerprint of a session ID, for Filter.Sessions.
func SessionOf(sessionID string) string { return fingerprint.Of(sessionID) }

// FilterError reports an invalid field of a Filter, or one that a store cannot answer.
type FilterError struct {
	// Field is the name of the field, such as "Limit" or "Not[0].Actors".
	Field string
	// Reason says what is wrong with its value.
	Reason string
}

// Error returns the field and the reason.
func (e *FilterError) Error() string { return "query: Filter." + e.Field + ": " + e.Reason }

// maxWords is the length of the longest text that words are searched of, in bytes.
const maxWords = 1024

// Validate returns a *FilterError for the first invalid field, or nil.
func (f *Filter) Validate() error {
	if err := f.validateConditions(); err != nil {
		return err
	}
	if f.Limit < 0 {
		return &FilterError{"Limit", "it must not be negative"}
	}
	if f.After != "" {
		if _, err := ParseCursor(f.After); err != nil {
			return &FilterError{"After", "it is not a cursor from CursorOf"}
		}
	}
	for i := range f.Not {
		if err := f.Not[i].validateExclusion(); err != nil {
			return &FilterError{"Not[" + strconv.Itoa(i) + "]" + err.Field, err.Reason}
		}
	}
	return nil
}

// validateExclusion validates a filter in Not. The error's field is empty, or begins with a
// dot.
func (f *Filter) validateExclusion() *FilterError {
	switch {
	case len(f.Not) > 0:
		return &FilterError{".Not", "filters in Not must not have it"}
	case f.Ascending, f.After != "", f.Limit != 0:
		return &FilterError{"", "filters in Not must not have Ascending, After or Limit"}
	case f.selectsAll():
		return &FilterError{"", "it is empty, so it would exclude every record"}
	}
	if err := f.validateConditions(); err != nil {
		return &FilterError{"." + err.Field, err.Reason}
	}
	return nil
}

// selectsAll reports whether no condition is set.
func (f *Filter) selectsAll() bool {
	return len(f.IDs)+len(f.Actors)+len(f.ActorTypes)+len(f.OnBehalfOf)+len(f.Sessions)+len(f.Tenants)+len(f.Channels)+
		len(f.Actions)+len(f.Operations)+len(f.Outcomes)+len(f.Kinds)+len(f.Targets)+len(f.TargetTypes)+len(f.Changed)+
		len(f.Attempts)+len(f.Stages)+len(f.TraceIDs)+len(f.Metadata)+len(f.Resource)+len(f.Not)+
		len(f.Reason)+len(f.Failure)+len(f.Text) == 0 && !f.Delegated && f.Since.IsZero() && f.Until.IsZero()
}

// validateConditions validates what decides whether a record matches, except Not.
func (f *Filter) validateConditions() *FilterError {
	check := func(field, reason string, bad bool) *FilterError {
		if !bad {
			return nil
		}
		return &FilterError{field, reason}
	}
	const (
		unknown = "it has a value that is not one of the constants"
		zero    = "it has a zero ID"
		noKey   = "it has an attribute without a key"
		tooLong = "it has more than 1,024 bytes"
		noWord  = "it has no word"
	)
	for _, err := range []*FilterError{
		check("IDs", zero, slices.Contains(f.IDs, audit.ID{})),
		validateActors("Actors", f.Actors),
		check("ActorTypes", unknown, slices.ContainsFunc(f.ActorTypes, func(t audit.ActorType) bool { return !t.Valid() || t == audit.ActorNone })),
		validateActors("OnBehalfOf", f.OnBehalfOf),
		check("Sessions", "it has a text that is not the fingerprint of a session; use SessionOf",
			slices.ContainsFunc(f.Sessions, func(s string) bool { return !fingerprint.Valid(s) })),
		check("Actions", "it has a pattern that no action can match; actions are words of a-z, 0-9 and _, joined by dots",
			slices.ContainsFunc(f.Actions, func(s string) bool { return s == "" || strings.Trim(s, actionCharacters) != "" })),
		check("Operations", unknown, !allValid(f.Operations)),
		check("Outcomes", unknown, !allValid(f.Outcomes)),
		check("Kinds", unknown, !allValid(f.Kinds)),
		check("Targets", "it has a target without an ID; use TargetTypes for all of a type",
			slices.ContainsFunc(f.Targets, func(t audit.Target) bool { return t.ID == "" })),
		check("TargetTypes", "it has an empty type", slices.Contains(f.TargetTypes, "")),
		check("Changed", "it has an empty pattern", slices.Contains(f.Changed, "")),
		check("Attempts", zero, slices.Contains(f.Attempts, audit.ID{})),
		check("Stages", unknown, !allValid(f.Stages)),
		check("TraceIDs", zero, slices.Contains(f.TraceIDs, trace.TraceID{})),
		check("Metadata", noKey, slices.ContainsFunc(f.Metadata, hasNoKey)),
		check("Resource", noKey, slices.ContainsFunc(f.Resource, hasNoKey)),
		check("Reason", tooLong, len(f.Reason) > maxWords),
		check("Reason", noWord, f.Reason != "" && strings.TrimSpace(f.Reason) == ""),
		check("Failure", tooLong, len(f.Failure) > maxWords),
		check("Failure", noWord, f.Failure != "" && strings.TrimSpace(f.Failure) == ""),
		check("Text", tooLong, len(f.Text) > maxWords),
		check("Text", noWord, f.Text != "" && strings.TrimSpace(f.Text) == ""),
		check("Until", "it is before Since", !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since)),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// actionCharacters are the characters of the patterns for actions.
const actionCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_.*"

func hasNoKey(kv attribute.KeyValue) bool { return kv.Key == "" }

func allValid[T interface{ Valid() bool }](values []T) bool {
	return !slices.ContainsFunc(values, func(v T) bool { return !v.Valid() })
}

// validateActors rejects an actor that would match too much: one of whom only the type is
// known, unless actors of that type have no ID.
func validateActors(field string, actors []audit.Actor) *FilterError {
	for i := range actors {
		a := &actors[i]
		nameless := a.Type == audit.ActorAnonymous || a.Type == audit.ActorUnresolved
		switch {
		case !a.Type.Valid():
			return &FilterError{field, "it has an actor whose type is not one of the constants"}
		case a.ID == "" && !nameless:
			return &FilterError{field, "it has an actor without an ID; use ActorTypes for all of a type"}
		case a.ID != "" && nameless:
			return &FilterError{field, "it has an ID of an actor that has none"}
		}
	}
	return nil
}
