package request

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/plumbing"
	"go.opentelemetry.io/otel/attribute"
)

// Supply is what a route knows of its event before its handler runs.
type Supply struct {
	// Target is the target, unless the handler sets another by audit.SetTarget. It is from
	// the path parameter TargetParam; a zero target is none.
	Target      audit.Target
	TargetParam string
	// Reason is the reason, unless the event has one, or the handler sets another by
	// audit.SetReason.
	Reason string
	// Metadata is added to every event of the handler.
	Metadata []attribute.KeyValue
	// Final reports whether a field comes from the route alone, e.g. "reason": see [Fields].
	// If such a field is required and missing, the handler must not run. nil means that there
	// is none.
	Final func(field string) bool

	fields []string // further fields that come from the route alone
}

// Fields returns a function that reports whether a field is one of those given.
func Fields(fields ...string) func(field string) bool {
	if len(fields) == 0 {
		return nil
	}
	return func(field string) bool { return slices.Contains(fields, field) }
}

// Supply sets what the route of the intent knows, which is what audit.Ready checks. If a
// required field is missing that the route supplies, Supply returns an [*audit.UnmetError].
// Then the handler must not run, and no intent is tracked: the rejection is on record.
func (x *Exchange) Supply(i *Intent, s *Supply) error {
	x.expect(i)
	return x.fill(s)
}

// fill sets what s has, and checks the fields of s.
func (x *Exchange) fill(s *Supply) error {
	if len(s.Metadata) > 0 {
		_ = x.scope.Set(plumbing.WithClientMetadata(s.Metadata...))
	}
	if s.Target != (audit.Target{}) {
		audit.SetTarget(x.ctx, s.Target)
	}
	if s.Reason != "" {
		audit.SetReason(x.ctx, s.Reason)
	}
	if s.TargetParam != "" && x.route != "" && !hasParameter(x.route, s.TargetParam) {
		x.handleError(fmt.Errorf("audit: route %s has no parameter %q; give TargetParam one that it has", x.route, s.TargetParam))
	}
	final := s.Final
	if final == nil {
		if final = Fields(s.fields...); final == nil {
			return nil
		}
	}
	return inside.Audit.ReadyAsFar(x.ctx, final)
}

// hasParameter reports whether a route has a path parameter of that name.
func hasParameter(route, name string) bool {
	for segment := range strings.SplitSeq(route, "/") {
		found, kind := parameter(segment)
		if kind == literal {
			continue
		}
		if at := strings.IndexAny(found, ":.}"); at > 0 {
			found = found[:at]
		}
		if found == name || found == "" && name == "*" {
			return true
		}
	}
	return false
}

// UnmetStatus is the status of the response to a request whose handler must not run.
const UnmetStatus = http.StatusUnprocessableEntity

// UnmetText returns the text of the response to a request whose handler must not run. It
// has names of fields and no values.
func UnmetText(err error) string {
	if unmet, ok := errors.AsType[*audit.UnmetError](err); ok && len(unmet.Fields) > 0 {
		return "missing or empty: " + strings.Join(unmet.Fields, ", ")
	}
	if errors.Is(err, audit.ErrNoActor) {
		return "nothing was done: it is not known who asks for it"
	}
	return http.StatusText(UnmetStatus)
}
