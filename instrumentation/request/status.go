package request

import (
	"net/http"
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Status is the status of a response and what it means for the audit trail.
type Status struct {
	// Key is the metadata key under which Code or Name is recorded. Without a Key neither is.
	Key attribute.Key
	// Code is the number that the protocol uses, e.g. 404.
	Code int
	// Name is recorded instead of Code if it is not empty, e.g. "NOT_FOUND".
	Name string
	// Outcome is success, failure or denied.
	Outcome audit.Outcome
	// Unauthenticated says that the request was denied because the client did not prove
	// who it is. Otherwise a denial means that a known actor lacks a permission.
	Unauthenticated bool
}

// HTTPStatus returns the status for an HTTP status code: 401 and 403 are denied, other
// codes from 400 are a failure, and all lower codes a success.
func HTTPStatus(code int) Status {
	s := Status{Key: semconv.HTTPResponseStatusCodeKey, Code: code, Outcome: audit.OutcomeSuccess}
	switch {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		s.Outcome, s.Unauthenticated = audit.OutcomeDenied, code == http.StatusUnauthorized
	case code >= http.StatusBadRequest:
		s.Outcome = audit.OutcomeFailure
	}
	return s
}

// unsent returns the status without its code, which nobody was sent.
func (s Status) unsent() Status {
	s.Key, s.Code, s.Name = "", 0, ""
	return s
}

// metadata returns the status as metadata.
func (s Status) metadata() []attribute.KeyValue { return s.addTo(nil) }

// addTo appends the status to an event's own metadata, unless the event sets it itself.
func (s Status) addTo(kvs []attribute.KeyValue) []attribute.KeyValue {
	if s.Key == "" || slices.ContainsFunc(kvs, func(kv attribute.KeyValue) bool { return kv.Key == s.Key }) {
		return kvs
	}
	if len(kvs) > 0 {
		kvs = slices.Clip(kvs)
	}
	if s.Name != "" {
		return append(kvs, s.Key.String(s.Name))
	}
	return append(kvs, s.Key.Int(s.Code))
}
