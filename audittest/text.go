package audittest

import (
	"fmt"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// What failure messages say of the parts of a record.

func actionOf(r *record.Record) string  { return r.Action }
func kindOf(r *record.Record) string    { return r.Kind.String() }
func outcomeOf(r *record.Record) string { return r.Outcome.String() }
func actorOf(r *record.Record) string   { return actorText(r.Actor) }
func targetOf(r *record.Record) string  { return targetText(r.Target) }
func reasonOf(r *record.Record) string  { return quote(r.Reason) }
func failureOf(r *record.Record) string { return quote(r.Failure) }

func changedOf(r *record.Record) string {
	fields := make([]string, len(r.Changes))
	for i, c := range r.Changes {
		fields[i] = c.Field
	}
	return fmt.Sprintf("%q", fields)
}

// What a record is to an attempt.
const (
	begun    = "begun"
	finished = "finished"
	leftOpen = "left open"
)

func attemptOf(r *record.Record, all []*record.Record) string {
	switch {
	case r.Attempt.IsZero():
		return "none"
	case r.Attempt != r.ID:
		return finished
	}
	for _, other := range all {
		if other.Attempt == r.ID && other.ID != r.ID {
			return begun
		}
	}
	return leftOpen
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

func actorText(a audit.Actor) string {
	text := a.Type.String()
	if a.ID != "" {
		text += " " + quote(a.ID)
	}
	if a.OnBehalfOf != nil {
		text += " on behalf of " + actorText(*a.OnBehalfOf)
	}
	return text
}

func targetText(t audit.Target) string {
	if t.Type == "" && t.ID == "" {
		return "none"
	}
	return fmt.Sprintf("%s %q", t.Type, t.ID)
}

func metadataText(kvs []attribute.KeyValue) string {
	parts := make([]string, len(kvs))
	for i, kv := range kvs {
		parts[i] = string(kv.Key) + "=" + valueText(kv.Value)
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func valueText(v attribute.Value) string {
	switch v.Type() {
	case attribute.STRING:
		return quote(v.AsString())
	case attribute.EMPTY:
		return "nothing"
	default:
		return v.String()
	}
}

// maxText limits what a failure message says of one part of a record, in characters.
const maxText = 200

func short(text string) string {
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "..."
	}
	return text
}
