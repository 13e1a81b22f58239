package frameworktest

import (
	"context"
	"net/http"
	"net/netip"
	"regexp"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"go.opentelemetry.io/otel/attribute"
)

// Service describes a service of one case.
type Service struct {
	// Tracker is that of the route intents.
	Tracker audit.Tracker
	// Middleware has the options of the audit middleware of all routes, or is nil for none.
	Middleware *Options
	// Outside are middlewares between the client and the audit middleware, from the outside
	// to the inside. Inside are those between the audit middleware and the routes.
	Outside, Inside []func(http.Handler) http.Handler
	Routes          []Route
}

// Route is a route of a service.
type Route struct {
	Method string
	// Group is the prefix of the group or mounted router that the route belongs to, such as
	// "/admin/{tenant}", or "". GroupMiddleware has the options of its own audit middleware,
	// and GroupIntent is an intent of the whole group; both may be nil.
	Group           string
	GroupMiddleware *Options
	GroupIntent     *Intent
	// Pattern is that of the route in the group, in the syntax of the framework.
	Pattern string
	// Intents are those of the route, from the outside to the inside.
	Intents []*Intent
	Handler Handler
}

// Handler is the handler of a route. param returns a path parameter.
type Handler func(w http.ResponseWriter, r *http.Request, param func(name string) string)

// Options are those of an audit middleware. A zero field means that the option is not given.
type Options struct {
	Actor          func(*http.Request) (audit.Actor, error)
	OnBehalfOf     func(*http.Request, audit.Actor) (audit.Actor, error)
	Channel        string
	Filter         func(*http.Request) bool
	TrustedProxies []netip.Prefix
	Metadata       func(*http.Request) []attribute.KeyValue
	Denials        audit.Tracker
	Coverage       audit.Tracker
	Policy         *policy.Policy // of Coverage
	ErrorHandler   func(context.Context, error)
}

// Intent is a route intent.
type Intent struct {
	Event audit.Event
	// Func is that of IntentFunc. nil means an Intent with Event. param returns a path
	// parameter.
	Func func(r *http.Request, param func(name string) string, status int) audit.Event
	// TargetParam is the path parameter with the ID of a target of the type "article".
	TargetParam string
	// Reason is the name of the field of the form with the reason.
	Reason string
	// Ticket is the header with the metadata "ticket".
	Ticket string
	// Withheld withholds the answer until the event is recorded.
	Withheld bool
}

// Syntax is how a framework writes the pattern of a route.
type Syntax struct {
	param string // with a % for the name
	tail  string // the parameter of the rest of the path
}

var (
	// Braces is the syntax of http.ServeMux, "/files/{id}/{rest...}".
	Braces = Syntax{"{%}", "{rest...}"}
	// BracesStar is the syntax of chi, "/files/{id}/*".
	BracesStar = Syntax{"{%}", "*"}
	// ColonStar is the syntax of Echo, "/files/:id/*".
	ColonStar = Syntax{":%", "*"}
	// ColonStarName is the syntax of gin, "/files/:id/*rest".
	ColonStarName = Syntax{":%", "*rest"}
)

// parameters are the path parameters in the patterns and records of cases: <id> or, for
// the rest of the path, <rest...>.
var parameters = regexp.MustCompile(`<(\w+)(\.\.\.)?>`)

// write returns a text with its path parameters in the syntax.
func (s Syntax) write(text string) string {
	return parameters.ReplaceAllStringFunc(text, func(p string) string {
		name, isTail := strings.CutSuffix(strings.Trim(p, "<>"), "...")
		if isTail {
			return s.tail
		}
		return strings.Replace(s.param, "%", name, 1)
	})
}
