package viewer

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// trailType is the type of the target of looks.
const trailType = "audit.trail"

// look records that the actor looks at the records that a filter selects, before any is
// shown. Expensive looks have a limit, and wait for those of the same actor and of others.
func (v *visit) look(f query.Filter, expensive bool) error {
	if expensive {
		if err := v.admitSearch(); err != nil {
			return err
		}
	}
	if v.tracker == nil {
		return nil
	}
	event, err := v.lookEvent(f)
	if err != nil {
		return err
	}
	event.Outcome = audit.OutcomeSuccess
	if err := v.tracker.Track(v.ctx, event); err != nil {
		v.onError(v.ctx, err)
		return errUnrecorded
	}
	return nil
}

// admitSearch takes a token and a slot for the expensive searches of a visit, if it has none yet.
func (v *visit) admitSearch() error {
	if v.searches {
		return nil
	}
	err := v.admit(v.searching, errBusy)
	v.searches = err == nil
	return err
}

// admit takes a token of the actor's limit, and a slot until the visit ends. If none becomes free
// in time, it returns busy.
func (v *visit) admit(to *slots, busy error) error {
	if wait := v.limits.take(actorText(&v.actor)); wait > 0 {
		return v.tooMany(wait)
	}
	// What waits for longer has too little time left for its search.
	ctx, cancel := context.WithTimeout(v.ctx, v.queryTimeout/2)
	defer cancel()
	release, err := to.take(ctx, actorText(&v.actor))
	if err != nil {
		return busy
	}
	v.release = release
	return nil
}

func (v *visit) tooMany(wait time.Duration) error {
	text := v.language.amount(int64(wait.Seconds()), "Wait 1 second, then try again.", "Wait %s seconds, then try again.")
	p := problemf(http.StatusTooManyRequests, "Too many searches", "%s", text)
	p.wait = wait
	return p
}

func (v *visit) lookEvent(f query.Filter) (audit.Event, error) {
	line, err := f.MarshalJSON()
	if err != nil {
		return audit.Event{}, err
	}
	event := audit.Event{
		Action: semconv.ActionTrailRead, Operation: audit.OperationRead, Actor: v.actor,
		Target: audit.Target{Type: trailType, ID: strings.Join(v.sourceNames(), " ")},
		Metadata: []attribute.KeyValue{
			semconv.TrailCommandKey.String("viewer " + pageName(v.page)), semconv.TrailFilterKey.String(string(line)),
		},
	}
	if len(v.sources) > 0 {
		event.Metadata = append(event.Metadata, semconv.TrailSourcesKey.StringSlice(v.sources))
	}
	if len(v.view.Within.Tenants) == 1 {
		event.Tenant = v.view.Within.Tenants[0]
	}
	return event, nil
}

func pageName(page string) string {
	if page == "" {
		return "timeline"
	}
	return page
}
