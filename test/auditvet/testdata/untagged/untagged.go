// Package untagged records diffs of which nothing is recorded.
package untagged

import (
	"context"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"go.opentelemetry.io/otel/attribute"
)

type plain struct {
	Title string `json:"title"`
	Inner tagged // not opted in itself
}

type tagged struct {
	Title string `audit:"title"`
}

type (
	embedding   struct{ *tagged }
	embedsPlain struct{ plain }
	excluded    struct {
		tagged `audit:"-"`
		Title  string `audit:"-"`
	}
	recursive      struct{ *recursive }
	list           []list
	generic[T any] struct {
		Value T `audit:"value"`
	}
)

func wrong(ctx context.Context, tracker audit.Tracker, p plain, at time.Time) {
	audit.SetChanges(ctx, p, p)                            // want `nothing of plain is recorded: no field has an audit tag; tag the fields, or name them with diff.WithFields`
	audit.SetChanges(ctx, nil, &p)                         // want `nothing of \*plain is recorded`
	_, _ = audit.Diff(p, p, diff.NotLoaded("title"))       // want `nothing of plain is recorded`
	_, _ = audit.Diff([]plain{p}, nil)                     // want `nothing of \[\]plain is recorded`
	_, _ = audit.Diff(embedsPlain{}, embedsPlain{})        // want `nothing of embedsPlain is recorded`
	_, _ = audit.Diff(excluded{}, excluded{})              // want `nothing of excluded is recorded`
	_, _ = audit.Diff("old", "new")                        // want `nothing of string is recorded`
	_, _ = audit.Diff(at, at)                              // want `nothing of time.Time is recorded`
	_, _ = audit.Diff(map[string]string{}, nil)            // want `nothing of map\[string\]string is recorded`
	e := audit.TrackCreate(ctx, tracker, audit.Event{}, p) // want `nothing of plain is recorded`
	e = audit.TrackUpdate[any](ctx, tracker, audit.Event{}, p, p)
	e = audit.TrackUpdate[plain](ctx, tracker, audit.Event{Action: "article.update"}, p, p) // want `nothing of plain is recorded`
	e = audit.TrackDelete(ctx, tracker, audit.Event{}, p, diff.WithTimePrecision(1))        // want `nothing of plain is recorded`
	_ = e
}

func right[T any](ctx context.Context, tracker audit.Tracker, event audit.Event, p plain, v T, opts []diff.Option) {
	audit.SetChanges(ctx, tagged{}, tagged{})
	audit.SetChanges(ctx, p, p, diff.WithFields(map[string]diff.Rule{"Title": diff.Tracked}))
	audit.SetChanges(ctx, p, p, opts...)
	audit.SetChanges(ctx, v, v)
	audit.SetChanges[any](ctx, p, p)
	_, _ = audit.Diff(embedding{}, embedding{})
	_, _ = audit.Diff(generic[int]{}, generic[int]{})
	_, _ = audit.Diff(&[]*tagged{}, nil)
	_, _ = audit.Diff(recursive{}, recursive{}) // its fields are not known to end
	_, _ = audit.Diff(list{}, list{})
	e := audit.TrackUpdate(ctx, tracker, event, p, p) // it may have changes
	e = audit.TrackUpdate(ctx, tracker, audit.Event{Changes: []audit.Change{{Field: "title", New: attribute.StringValue("x")}}}, p, p)
	_ = e
}
