package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/opendeed/audit"
)

// Option configures a viewer. It is an error to set something twice in different ways, or to
// set a value that cannot be meant: New returns it.
type Option func(*config) error

// AuthorizeFunc returns who sends a request and what they may see. If it returns an error,
// nothing is shown and nothing is recorded. It must be safe for concurrent use.
type AuthorizeFunc func(*http.Request) (audit.Actor, View, error)

type config struct {
	authorize    AuthorizeFunc
	tracker      audit.Tracker
	unrecorded   bool
	zone         *time.Location
	language     Language
	title        string
	traceURL     string
	sources      []string
	health       func(context.Context) (Health, error)
	provers      []Prover
	ancestors    []string
	queryTimeout time.Duration
	countBudget  time.Duration
	searches     rate
	onError      func(context.Context, error)
	now          func() time.Time
}

// ErrForbidden may be returned by the function of [Authorize]. The function may return any
// other error; none is shown.
var ErrForbidden = errors.New("viewer: not allowed to see the trail")

// Authorize sets who may see what. It is required.
func Authorize(f AuthorizeFunc) Option {
	return func(c *config) error {
		c.authorize = f
		return nil
	}
}

// WithTracker records who looks at what, as audit.trail.read and audit.trail.export. A page
// that cannot be recorded is not shown. Either it or [WithoutRecording] is required.
func WithTracker(t audit.Tracker) Option {
	return func(c *config) error {
		if t == nil {
			return errors.New("viewer: WithTracker: the tracker is nil; use WithoutRecording to record nothing")
		}
		c.tracker = t
		return nil
	}
}

// WithoutRecording shows the trail without recording who looked at it.
func WithoutRecording() Option {
	return func(c *config) error {
		c.unrecorded = true
		return nil
	}
}

// WithZone sets the time zone of pages whose address names none. The default is UTC.
func WithZone(zone *time.Location) Option {
	return func(c *config) error {
		if zone == nil {
			return errors.New("viewer: WithZone: the zone is nil")
		}
		c.zone = zone
		return nil
	}
}

// WithTitle sets the name of the trail, such as that of the product. The default is "Audit
// trail".
func WithTitle(title string) Option {
	return func(c *config) error {
		c.title = title
		return nil
	}
}

// WithTraceURL links the trace of a record. In the URL, {trace_id} and {span_id} are replaced,
// such as in https://jaeger.example.com/trace/{trace_id}.
func WithTraceURL(url string) Option {
	return func(c *config) error {
		if !validTraceURL(url) {
			return errors.New("viewer: WithTraceURL: it must be an http or https URL with {trace_id}")
		}
		c.traceURL = url
		return nil
	}
}

// WithFrameAncestors lets pages of these origins show the viewer in a frame, such as
// https://app.example.com. By default no page may. In a page of the viewer's own origin, which is
// to be named too, the frame shows the trail at once. In one of another origin it first asks the
// person to open the trail, since nobody knows then which page caused the request.
//
// Whoever controls a page of such an origin can cover the viewer and make people click what
// they don't see. The viewer changes nothing, but it exports.
func WithFrameAncestors(origins ...string) Option {
	return func(c *config) error {
		for _, origin := range origins {
			if !validOrigin(origin) {
				return fmt.Errorf("viewer: WithFrameAncestors: %q is not an origin such as https://app.example.com; it has no path and no wildcard, and http is for localhost only", origin)
			}
		}
		c.ancestors = origins
		return nil
	}
}

// WithSources names the stores that the reader asks, for exports and for the records of who
// looked. The names must have no credentials.
func WithSources(names ...string) Option {
	return func(c *config) error {
		c.sources = names
		return nil
	}
}

// WithLanguage sets the words and sentences of the pages. The default is English.
func WithLanguage(l Language) Option {
	return func(c *config) error {
		if err := l.validate(); err != nil {
			return err
		}
		c.language = l
		return nil
	}
}

// WithHealth shows a page about the pipeline that records the trail. The function is called
// for each view of the page, by those whose View has All set and no limit. The example fills it
// with the methods of a sdk.TrackerProvider.
func WithHealth(f func(context.Context) (Health, error)) Option {
	return func(c *config) error {
		c.health = f
		return nil
	}
}

// WithQueryTimeout sets how long a page may ask the store. Then it shows what was found, and
// says so. The default is 10 seconds.
func WithQueryTimeout(d time.Duration) Option {
	return func(c *config) error {
		if d <= 0 {
			return errors.New("viewer: WithQueryTimeout: it must be positive")
		}
		c.queryTimeout = d
		return nil
	}
}

// WithCountBudget sets how long a page may count records for its chart and its lists, if it was
// not asked to count all. Then it says how far back it counted. The default is 40 milliseconds.
func WithCountBudget(d time.Duration) Option {
	return func(c *config) error {
		if d <= 0 {
			return errors.New("viewer: WithCountBudget: it must be positive")
		}
		c.countBudget = d
		return nil
	}
}

// WithSearchLimit sets how many expensive requests an actor may send in a minute: searches that
// may read many records, such as those for words, complete counts and exports. A quarter of them
// may come at once, and of each kind one of an actor runs at a time. The default is 120.
func WithSearchLimit(perMinute int) Option {
	return func(c *config) error {
		if perMinute < 1 {
			return errors.New("viewer: WithSearchLimit: it must be at least 1")
		}
		c.searches = rate{perMinute: perMinute, burst: max(1, perMinute/4)}
		return nil
	}
}

// WithErrorHandler sets what is called with errors that a page cannot show, such as that of
// the function of Authorize. It must be safe for concurrent use. The default is a warning of
// slog.Default.
func WithErrorHandler(f func(context.Context, error)) Option {
	return func(c *config) error {
		if f == nil {
			return errors.New("viewer: WithErrorHandler: the function is nil")
		}
		c.onError = f
		return nil
	}
}

// WithClock sets the clock of the pages, for tests and demonstrations. The default is time.Now.
func WithClock(now func() time.Time) Option {
	return func(c *config) error {
		if now == nil {
			return errors.New("viewer: WithClock: the function is nil")
		}
		c.now = now
		return nil
	}
}
