package otlp

import (
	"encoding/hex"
	"math"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
)

const (
	missing     = "it is missing"
	notConstant = "its value is not one of the constants"
	longChain   = "the chain of actors is too long or has a cycle"
)

// record writes the fields of a LogRecord, in the order of their numbers, with a place unless it
// is zero. It implements the mapping in docs/otlp.md; Decode is the reverse.
func (w *wireWriter) record(r *record.Record, place export.Place) {
	at, isTime := w.nanos("time", r.Time)
	observed, isObserved := uint64(0), true
	if !r.ObservedTime.IsZero() {
		observed, isObserved = w.nanos("observed_time", r.ObservedTime)
	}
	if isTime {
		w.fixed64(recordTime, at)
	}
	number, text := logs.SeverityNumber_SEVERITY_NUMBER_INFO, "INFO"
	if r.Outcome == audit.OutcomeFailure || r.Outcome == audit.OutcomeDenied {
		number, text = logs.SeverityNumber_SEVERITY_NUMBER_WARN, "WARN"
	}
	w.varint(recordSeverityNumber, uint64(number))
	w.text(recordSeverityText, text)
	w.attributes(r)
	if !isTime {
		w.textPair(recordAttributes, attributeTime, r.Time.UTC().Format(time.RFC3339Nano))
	}
	if !isObserved {
		w.textPair(recordAttributes, attributeObservedTime, r.ObservedTime.UTC().Format(time.RFC3339Nano))
	}
	if place.Seq != 0 {
		w.place(place)
	}
	if r.TraceID.IsValid() {
		w.bytes(recordTraceID, r.TraceID[:])
	}
	if r.SpanID.IsValid() {
		w.bytes(recordSpanID, r.SpanID[:])
	}
	if observed != 0 {
		w.fixed64(recordObservedTime, observed)
	}
	w.member = "action"
	if !record.ValidAction(r.Action) {
		w.fail("it is not an action, such as invoice.approve")
	}
	w.text(recordEventName, r.Action)
}

var (
	// minTime and endTime are the bounds of times in records; maxNanos is the bound in
	// OTLP, in which zero means that the time is unknown.
	minTime  = time.Unix(0, 0)
	endTime  = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	maxNanos = time.Unix(math.MaxUint64/1_000_000_000, 0) // in whole seconds
)

// nanos returns a time in nanoseconds since 1970. ok is false if OTLP cannot express it.
func (w *wireWriter) nanos(member string, at time.Time) (n uint64, ok bool) {
	if at.Before(minTime) || !at.Before(endTime) {
		w.member = member
		w.fail("it must be between the years 1970 and 9999")
	}
	if !at.After(minTime) || !at.Before(maxNanos) {
		return 0, false
	}
	return uint64(at.Unix())*1e9 + uint64(at.Nanosecond()), true
}

func (w *wireWriter) attributes(r *record.Record) {
	w.member = "id"
	if r.ID.IsZero() {
		w.fail(missing)
	}
	w.textPair(recordAttributes, attributeRecordID, r.ID.String())
	w.textPair(recordAttributes, attributeSchemaVersion, SchemaVersion)
	w.constant("kind", attributeKind, r.Kind.String(), r.Kind.Valid())
	w.textPair(recordAttributes, attributeAction, r.Action)
	if r.Operation != audit.OperationUnspecified {
		w.constant("operation", attributeOperation, r.Operation.String(), r.Operation.Valid())
	}
	w.constant("outcome", attributeOutcome, r.Outcome.String(), r.Outcome.Valid())
	w.actor(&r.Actor)
	w.member = "target"
	w.optional(attributeTargetType, r.Target.Type)
	w.optional(attributeTargetID, r.Target.ID)
	w.optional(attributeTargetName, r.Target.Name)
	w.covers(r.Covers)
	w.member = "reason"
	w.optional(attributeReason, r.Reason)
	w.member = "failure"
	w.optional(attributeFailure, r.Failure)
	w.member = "tenant"
	w.optional(attributeTenant, r.Tenant)
	w.member = "channel"
	w.optional(attributeChannel, r.Channel)
	if !r.Attempt.IsZero() {
		w.textPair(recordAttributes, attributeAttempt, r.Attempt.String())
	}
	w.bulk(&r.Bulk)
	w.changes(r.Changes)
	w.member = "overridden"
	w.mapAttribute(attributeOverridden, r.Overridden)
	w.member = "redacted"
	w.texts(attributeRedacted, r.Redacted)
	w.marks(r.Marks)
	w.metadata(r.Metadata)
}

// metadata writes metadata with its own keys. Metadata with reserved keys goes into a map.
func (w *wireWriter) metadata(kvs []attribute.KeyValue) {
	w.member = "metadata"
	var reserved []attribute.KeyValue
	for i := range kvs {
		if isReserved(string(kvs[i].Key)) {
			reserved = append(reserved, kvs[i])
		}
	}
	if len(reserved) == 0 {
		w.pairs(recordAttributes, kvs, 0)
		return
	}
	plain := make([]attribute.KeyValue, 0, len(kvs))
	for i := range kvs {
		if !isReserved(string(kvs[i].Key)) {
			plain = append(plain, kvs[i])
		}
	}
	w.pairs(recordAttributes, plain, 0)
	w.mapAttribute(attributeMetadata, reserved)
}

// isReserved reports whether metadata with this key cannot be an attribute of its own.
func isReserved(key string) bool { return key == "" || strings.HasPrefix(key, attributePrefix) }

// mapAttribute writes an attribute with a map. It omits an empty one.
func (w *wireWriter) mapAttribute(name string, kvs []attribute.KeyValue) {
	if len(kvs) == 0 {
		return
	}
	start := w.begin(recordAttributes, smallRoom)
	w.text(pairKey, name)
	value := w.begin(pairValue, smallRoom)
	pairs := w.begin(valueMap, smallRoom)
	w.pairs(listElements, kvs, 0)
	w.end(pairs, smallRoom)
	w.end(value, smallRoom)
	w.end(start, smallRoom)
}

func (w *wireWriter) actor(a *audit.Actor) {
	w.member = "actor"
	w.constant("actor", attributeActorType, a.Type.String(), a.Type.Valid() && a.Type != audit.ActorNone)
	w.optional(attributeActorID, a.ID)
	w.optional(attributeActorName, a.Name)
	w.optional(attributeActorAuthMethod, a.AuthMethod)
	w.optional(attributeActorSessionID, a.SessionID)
	w.texts(attributeActorRoles, a.Roles)
	if a.OnBehalfOf != nil {
		start := w.begin(recordAttributes, smallRoom)
		w.text(pairKey, attributeActorOnBehalfOf)
		w.principal(a.OnBehalfOf, 1)
		w.end(start, smallRoom)
	}
}

// principal writes an actor. depth is the number of actors that act on its behalf.
func (w *wireWriter) principal(a *audit.Actor, depth int) {
	if depth > record.MaxDelegation {
		w.fail(longChain)
		return
	}
	if !a.Type.Valid() || a.Type == audit.ActorNone {
		w.fail(notConstant)
	}
	value := w.begin(pairValue, smallRoom)
	pairs := w.begin(valueMap, smallRoom)
	w.textPair(listElements, actorType, a.Type.String())
	for _, part := range [...]struct{ key, text string }{
		{actorID, a.ID}, {actorName, a.Name}, {actorAuthMethod, a.AuthMethod}, {actorSessionID, a.SessionID},
	} {
		w.part(part.key, part.text)
	}
	if len(a.Roles) > 0 {
		roles := attribute.StringSliceValue(a.Roles)
		w.pair(listElements, actorRoles, &roles, 0)
	}
	if a.OnBehalfOf != nil {
		start := w.begin(listElements, smallRoom)
		w.text(pairKey, actorOnBehalfOf)
		w.principal(a.OnBehalfOf, depth+1)
		w.end(start, smallRoom)
	}
	w.end(pairs, smallRoom)
	w.end(value, smallRoom)
}

func (w *wireWriter) bulk(k *audit.Bulk) {
	if k.IsZero() {
		return
	}
	w.member = "bulk"
	if k.Affected < 0 || k.Affected > record.MaxAffected {
		w.fail("its count must be from 0 to 2^53-1")
	}
	if k.Selector == "" {
		w.fail("its selector is missing")
	}
	w.textPair(recordAttributes, attributeBulkSelector, k.Selector)
	affected := attribute.Int64Value(k.Affected)
	w.pair(recordAttributes, attributeBulkAffected, &affected, 0)
	w.texts(attributeBulkSample, k.Sample)
}

func (w *wireWriter) changes(changes []audit.Change) {
	if len(changes) == 0 {
		return
	}
	w.member = "changes"
	w.maps(attributeChanges, len(changes), func(i int) {
		c := &changes[i]
		w.textPair(listElements, changeField, c.Field)
		if c.Old.Type() != attribute.EMPTY {
			w.pair(listElements, changeOld, &c.Old, 0)
		}
		if c.New.Type() != attribute.EMPTY {
			w.pair(listElements, changeNew, &c.New, 0)
		}
		if c.Redacted {
			redacted := attribute.BoolValue(true)
			w.pair(listElements, changeRedacted, &redacted, 0)
		}
	})
}

func (w *wireWriter) covers(targets []audit.Target) {
	if len(targets) == 0 {
		return
	}
	w.member = "covers"
	w.maps(attributeCovers, len(targets), func(i int) {
		t := &targets[i]
		if *t == (audit.Target{}) {
			w.fail("a target in it is empty")
		}
		w.part(targetType, t.Type)
		w.part(targetID, t.ID)
		w.part(targetName, t.Name)
	})
}

func (w *wireWriter) marks(marks []mark.Mark) {
	if len(marks) == 0 {
		return
	}
	w.member = "marks"
	w.maps(attributeMarks, len(marks), func(i int) {
		m := &marks[i]
		if !record.ValidMarkKind(m.Kind) {
			w.fail("a kind in it is not words joined by dots")
		}
		w.part(markPath, m.Path)
		w.textPair(listElements, markKind, string(m.Kind))
		w.count(markCount, m.Count)
		w.count(markLength, m.Length)
		if m.SHA256 != [32]byte{} {
			w.textPair(listElements, markSHA256, hex.EncodeToString(m.SHA256[:]))
		}
	})
}

// maps writes an attribute with a list of n maps, whose pairs are written by write.
func (w *wireWriter) maps(name string, n int, write func(i int)) {
	start := w.begin(recordAttributes, smallRoom)
	w.text(pairKey, name)
	value := w.begin(pairValue, smallRoom)
	array := w.begin(valueArray, smallRoom)
	for i := range n {
		element := w.begin(listElements, smallRoom)
		pairs := w.begin(valueMap, smallRoom)
		write(i)
		w.end(pairs, smallRoom)
		w.end(element, smallRoom)
	}
	w.end(array, smallRoom)
	w.end(value, smallRoom)
	w.end(start, smallRoom)
}

// part writes a text in a map. It omits an empty one.
func (w *wireWriter) part(key, text string) {
	if text != "" {
		w.textPair(listElements, key, text)
	}
}

// count writes a count in a map. It omits zero.
func (w *wireWriter) count(key string, n int64) {
	if n == 0 {
		return
	}
	if n < 0 || n > record.MaxCount {
		w.fail("a count in it must be from 0 to 2^53-1")
	}
	v := attribute.Int64Value(n)
	w.pair(listElements, key, &v, 0)
}

// optional writes a text attribute. It omits an empty one.
func (w *wireWriter) optional(name, text string) {
	if text != "" {
		w.textPair(recordAttributes, name, text)
	}
}

// texts writes an attribute with a list of texts. It omits an empty one.
func (w *wireWriter) texts(name string, list []string) {
	if len(list) > 0 {
		v := attribute.StringSliceValue(list)
		w.pair(recordAttributes, name, &v, 0)
	}
}

// constant writes the name of a constant.
func (w *wireWriter) constant(member, name, value string, known bool) {
	w.member = member
	if !known {
		w.fail(notConstant)
	}
	w.textPair(recordAttributes, name, value)
}
