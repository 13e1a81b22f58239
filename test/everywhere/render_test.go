package everywhere_test

import (
	"fmt"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

const actionCoverageMissing = semconv.ActionCoverageMissing

// render returns a record as a line of the table.
func render(r *record.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s by %s through %s", r.Kind, r.Action, r.Outcome, renderActor(&r.Actor), r.Channel)
	for _, kv := range r.Metadata {
		if kv.Key == semconv.ContextChannelKey {
			fmt.Fprintf(&b, " from %s", kv.Value.AsString())
		}
	}
	switch {
	case !r.Bulk.IsZero():
		fmt.Fprintf(&b, " on %d of %s %v", r.Bulk.Affected, r.Bulk.Selector, r.Bulk.Sample)
	case r.Target.Type != "":
		fmt.Fprintf(&b, " on %s:%s", r.Target.Type, r.Target.ID)
	}
	for _, c := range r.Changes {
		fmt.Fprintf(&b, ", %s %s -> %s", c.Field, renderValue(c.Old), renderValue(c.New))
	}
	if r.Reason != "" {
		fmt.Fprintf(&b, ", because %s", r.Reason)
	}
	return b.String()
}

func renderActor(a *audit.Actor) string {
	if a.OnBehalfOf != nil {
		return a.Type.String() + ":" + a.ID + " for " + renderActor(a.OnBehalfOf)
	}
	return a.Type.String() + ":" + a.ID
}

func renderValue(v attribute.Value) string {
	if v.Type() == attribute.EMPTY {
		return "-"
	}
	return v.String()
}

// updatedArticles returns the ids of the articles that a record reports as updated, and how
// many more it counts without an id.
func updatedArticles(r *record.Record) (ids []string, more int) {
	if r.Outcome != audit.OutcomeSuccess || r.Operation != audit.OperationUpdate || r.Target.Type != "article" {
		return nil, 0
	}
	if !r.Bulk.IsZero() {
		return r.Bulk.Sample, int(r.Bulk.Affected) - len(r.Bulk.Sample)
	}
	if r.Target.ID == "" {
		return nil, 0
	}
	return []string{r.Target.ID}, 0
}
