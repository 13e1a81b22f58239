package folding

import (
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/uuid"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Source is where the records of folds come from: the SDK itself.
type Source struct {
	Tracker  record.Instrumentation
	Resource *resource.Resource
}

// Whose records a fold counts: the values of semconv.FoldKey.
const (
	ofActor    = "actor"
	ofNetwork  = "network"
	ofEveryone = "everyone"
)

// targetType is the target's type in the fold of records that have no target.
const targetType = "event"

// begin makes a fold and the record that begins it, for records such as r.
func (s *Source) begin(p party.Party, k kind, r *record.Record, crowd bool, now time.Time) *fold {
	now = now.UTC().Round(0)
	id := uuid.At(now)
	begun := &record.Record{
		Event: audit.Event{
			ID: id, Attempt: id, Time: now,
			Kind: k.kind, Action: k.action, Operation: k.operation, Tenant: k.tenant,
			Actor:  audit.Actor{Type: r.Actor.Type, ID: r.Actor.ID},
			Target: audit.Target{Type: k.target},
		},
		ObservedTime: now,
		Tracker:      s.Tracker,
		Resource:     s.Resource,
		Channel:      k.channel,
	}
	if k.target == "" {
		begun.Target.Type = targetType
	}
	whose := ofActor
	switch {
	case p.Class != party.Anonymous:
		begun.Redacted = slices.DeleteFunc(slices.Clone(r.Redacted), notOfFold)
		begun.Marks = slices.DeleteFunc(slices.Clone(r.Marks), func(m mark.Mark) bool { return notOfFold(m.Path) })
		if k.action == ActionFolded {
			begun.Tenant = r.Tenant // a party is an actor of one tenant
		}
	case crowd:
		whose = ofEveryone
	default:
		whose = ofNetwork
		// The application may have redacted the address.
		if p.Network.IsValid() && party.Of(r).Network == p.Network {
			begun.Metadata = append(begun.Metadata, semconv.FoldNetworkKey.String(p.Network.String()))
		}
	}
	begun.Bulk.Selector = "events of one " + whose + " that are not recorded one by one"
	if crowd {
		begun.Bulk.Selector = "events of many networks that are not recorded one by one"
	}
	begun.Metadata = append([]attribute.KeyValue{semconv.FoldKey.String(whose)}, begun.Metadata...)
	return &fold{party: p, kind: k, opened: now, begun: begun}
}

// finishedRecord returns the record that finishes the fold. mu is held.
func (f *fold) finishedRecord(now time.Time) *record.Record {
	now = now.UTC().Round(0)
	r := f.begun.Clone()
	r.ID, r.Time, r.ObservedTime = uuid.At(now), now, now
	r.Outcome = f.kind.outcome
	r.Bulk.Affected = f.count
	r.Bulk.Sample = f.sample
	if f.count > 0 {
		r.Metadata = slices.Insert(r.Metadata, 1,
			semconv.FoldFirstKey.String(f.first.Format(time.RFC3339Nano)), semconv.FoldLastKey.String(f.last.Format(time.RFC3339Nano)))
	}
	return r
}

// notOfFold reports whether a fold's record lacks the value with the path.
func notOfFold(path string) bool {
	return path != "actor.id" && path != "tenant" && path != "action" && path != "target.type"
}

// altered reports whether a value of the record was redacted, shortened or escaped.
func altered(r *record.Record, path string) bool {
	return slices.Contains(r.Redacted, path) ||
		slices.ContainsFunc(r.Marks, func(m mark.Mark) bool { return m.Path == path })
}
