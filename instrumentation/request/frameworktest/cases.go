package frameworktest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// publish is the event of the routes with an intent.
var publish = audit.Event{Action: "article.publish", Operation: audit.OperationUpdate, Target: audit.Target{Type: "article"}}

// Members of the expected records.
const (
	alice     = `"actor":{"id":"alice","type":"user"},`
	anonymous = `"actor":{"type":"anonymous"},`
	intent    = `"action":"article.publish","kind":"intent","operation":"update","target":{"type":"article"},` // article1 replaces the target
	denied    = `"action":"access.denied","kind":"intent","outcome":"denied",`
	article1  = `"target":{"id":"1","type":"article"},`
)

// metadata returns the metadata of a POST request. Each argument may be empty.
func metadata(route, path, status string) string {
	if route != "" {
		route = `"http.route":"` + route + `",`
	}
	if status != "" {
		status = `"http.response.status_code":` + status + `,`
	}
	return `"metadata":{"client.address":"127.0.0.1","http.request.method":"POST",` + status + route +
		`"network.peer.address":"127.0.0.1","url.path":"` + path + `","user_agent.original":"test/1.0"}`
}

// article returns the metadata of a request of the usual route.
func article(status string) string { return metadata("/articles/<id>", "/articles/1", status) }

// byUser is an actor function that trusts the header User.
func byUser(r *http.Request) (audit.Actor, error) { return audit.User(r.Header.Get("User")), nil }

// answer returns a handler that only writes a status.
func answer(status int) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ func(string) string) { w.WriteHeader(status) }
}

// one returns a service with one route, POST /articles/<id>, whose intents are those given.
func one(tracker audit.Tracker, h Handler, intents ...*Intent) *Service {
	return &Service{
		Tracker: tracker, Middleware: &Options{Actor: byUser},
		Routes: []Route{{Method: http.MethodPost, Pattern: "/articles/<id>", Handler: h, Intents: intents}},
	}
}

// failing is a middleware that adds a header and answers with the status instead of the rest.
func failing(status int) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
}

type userKey struct{}

// signIn is a middleware that puts the user into the context.
func signIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, r.Header.Get("User"))))
	})
}

// bySignIn is an actor function that finds the user of signIn.
func bySignIn(r *http.Request) (audit.Actor, error) {
	if id, ok := r.Context().Value(userKey{}).(string); ok {
		return audit.User(id), nil
	}
	return audit.Actor{}, nil
}

// strict is a policy that requires fields of the events of articles.
var strict = func() *policy.Policy {
	p, err := policy.New(policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason", "metadata.ticket", "target"}})
	if err != nil {
		panic(err) // a constant
	}
	return p
}()

// supplied is an intent that takes all that strict requires from the request.
var supplied = &Intent{Event: publish, TargetParam: "id", Reason: "why", Ticket: "Ticket"}

// unreached is the handler of a route whose handler must not run.
func unreached(t *testing.T) Handler {
	t.Helper()
	return func(http.ResponseWriter, *http.Request, func(string) string) { t.Error("the handler ran") }
}

var cases = []testCase{
	{
		name: "a route with an intent",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, func(w http.ResponseWriter, r *http.Request, param func(string) string) {
				audit.SetTarget(r.Context(), audit.Target{Type: "article", ID: param("id")})
				w.WriteHeader(http.StatusNoContent)
			}, &Intent{Event: publish})
			s.Middleware.Channel = "api"
			return s
		},
		status: 204,
		want:   []string{`{` + alice + intent + article1 + `"channel":"api","outcome":"success",` + article("204") + `}`},
	},
	{
		name: "a group with a middleware, an intent and a parameter",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(200))
			s.Routes[0].Group, s.Routes[0].GroupMiddleware, s.Routes[0].GroupIntent = "/tenants/<tenant>", &Options{Channel: "admin"}, &Intent{Event: publish}
			return s
		},
		path:   "/tenants/acme/articles/1",
		status: 200,
		want: []string{`{` + alice + intent + `"channel":"admin","outcome":"success",` +
			metadata("/tenants/<tenant>/articles/<id>", "/tenants/acme/articles/1", "200") + `}`},
	},
	{
		name: "an event that depends on request and status",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, answer(404), &Intent{Func: func(r *http.Request, param func(string) string, status int) audit.Event {
				return audit.Event{
					Action: "article.seek", Reason: http.StatusText(status) + " " + r.URL.Query().Get("q"),
					Target: audit.Target{Type: "article", ID: param("id")},
				}
			}})
		},
		path:   "/articles/1?q=all",
		status: 404,
		want:   []string{`{` + alice + `"action":"article.seek","kind":"intent","outcome":"failure","reason":"Not Found all",` + article1 + article("404") + `}`},
	},
	{
		name: "nested intents",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, answer(409), &Intent{Event: publish}, &Intent{Event: audit.Event{Action: "step.inner"}})
		},
		status: 409,
		want: []string{
			`{` + alice + `"action":"step.inner","kind":"intent","outcome":"failure",` + article("409") + `}`,
			`{` + alice + intent + `"outcome":"failure",` + article("409") + `}`,
		},
	},
	{
		name: "a handler that tracks the same action itself, and a signal that it covers",
		service: func(t *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, func(_ http.ResponseWriter, r *http.Request, param func(string) string) {
				e := publish
				e.Target = audit.Target{Type: "article", ID: param("id")}
				for _, e := range []audit.Event{{Action: "articles.update", Kind: audit.KindSignal, Operation: audit.OperationUpdate, Target: e.Target}, e} {
					if err := tracker.Track(r.Context(), e); err != nil {
						t.Error(err)
					}
				}
			}, &Intent{Event: publish})
		},
		status: 200,
		want:   []string{`{` + alice + intent + article1 + `"outcome":"unknown",` + article("") + `}`},
	},
	{
		name: "an intent without the middleware",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, func(w http.ResponseWriter, r *http.Request, _ func(string) string) {
				_ = audit.SetActor(r.Context(), audit.User("alice"))
				w.WriteHeader(http.StatusOK) // without it, somebody outside may answer
			}, &Intent{Event: publish})
			s.Middleware = nil
			return s
		},
		status: 200,
		want:   []string{`{` + alice + intent + `"outcome":"success",` + article("200") + `}`},
	},
	{
		name: "a secret in the path, and an event of the handler",
		service: func(t *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, func(_ http.ResponseWriter, r *http.Request, _ func(string) string) {
				if err := tracker.Track(r.Context(), publish); err != nil {
					t.Error(err)
				}
			})
			s.Routes[0].Group, s.Routes[0].Pattern = "/reset", "/<token>/<name>"
			return s
		},
		path:   "/reset/hunter2/bob",
		status: 200,
		want:   []string{`{` + alice + intent + `"outcome":"unknown",` + metadata("/reset/<token>/<name>", "/reset/***REDACTED***/bob", "") + `}`},
	},
	{
		name: "a secret in the prefix of a group",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(200), &Intent{Event: publish})
			s.Routes[0].Group = "/invitations/<inviteToken>"
			return s
		},
		path:   "/invitations/hunter2/articles/1",
		status: 200,
		want: []string{`{` + alice + intent + `"outcome":"success",` +
			metadata("/invitations/<inviteToken>/articles/<id>", "/invitations/***REDACTED***/articles/1", "200") + `}`},
	},
	{
		name: "the rest of a path",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(200), &Intent{Event: publish})
			s.Routes[0].Pattern = "/files/<rest...>"
			return s
		},
		path:   "/files/a/b",
		status: 200,
		want:   []string{`{` + alice + intent + `"outcome":"success",` + metadata("/files/<rest...>", "/files/a/b", "200") + `}`},
	},
	{
		name: "a secret before the rest of a path",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(200), &Intent{Event: publish})
			s.Routes[0].Pattern = "/shares/<secret>/<rest...>"
			return s
		},
		path:   "/shares/hunter2/a/b",
		status: 200,
		want:   []string{`{` + alice + intent + `"outcome":"success",` + metadata("/shares/<secret>/<rest...>", "/shares/***REDACTED***/a/b", "200") + `}`},
	},
	{
		name: "no such route",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, answer(200), &Intent{Event: publish})
		},
		path:   "/nothing",
		status: 404,
	},
	{
		name: "a panic",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, func(http.ResponseWriter, *http.Request, func(string) string) { panic("no") }, &Intent{Event: publish})
		},
		want: []string{`{` + alice + intent + `"outcome":"failure",` + article("") + `}`},
	},
	{
		name: "an abort in the middle of the response",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, func(w http.ResponseWriter, _ *http.Request, _ func(string) string) {
				_, _ = io.WriteString(w, "not all")
				panic(http.ErrAbortHandler)
			}, &Intent{Event: publish})
		},
		want: []string{`{` + alice + intent + `"outcome":"failure",` + article("200") + `}`},
	},
	{
		name: "a withheld answer",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, func(w http.ResponseWriter, _ *http.Request, _ func(string) string) {
				w.WriteHeader(http.StatusConflict)
				_, _ = io.WriteString(w, "no")
			}, &Intent{Event: publish, Withheld: true})
		},
		status: 409,
		body:   "no",
		want: []string{
			`{` + alice + intent + `"attempt":"its own","outcome":"unknown",` + article("") + `}`,
			`{` + alice + intent + `"attempt":"the first","outcome":"failure",` + article("409") + `}`,
		},
	},
	{
		name: "a stream",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, func(w http.ResponseWriter, _ *http.Request, _ func(string) string) {
				for n := range 2 {
					_, _ = fmt.Fprintln(w, n)
					_ = http.NewResponseController(w).Flush()
				}
			}, &Intent{Event: publish})
		},
		status: 200,
		body:   "0\n1\n",
		want: []string{
			`{` + alice + intent + `"attempt":"its own","outcome":"unknown",` + article("") + `}`,
			`{` + alice + intent + `"attempt":"the first","outcome":"success",` + article("200") + `}`,
		},
	},
	{
		name: "a hijacked connection",
		service: func(t *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, func(w http.ResponseWriter, _ *http.Request, _ func(string) string) {
				conn, rw, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = rw.WriteString("HTTP/1.1 299 Mine\r\nConnection: close\r\n\r\nhello")
				_ = rw.Flush()
				_ = conn.Close()
			}, &Intent{Event: publish})
		},
		status: 299,
		body:   "hello",
		want: []string{
			`{` + alice + intent + `"attempt":"its own","outcome":"unknown",` + article("") + `}`,
			`{` + alice + intent + `"attempt":"the first","outcome":"success",` + article("") + `}`,
		},
	},
	{
		name: "a denial before the route",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(200), &Intent{Event: publish})
			s.Middleware.Actor, s.Middleware.Denials = bySignIn, tracker
			s.Inside = []func(http.Handler) http.Handler{failing(401)}
			return s
		},
		status: 401,
		want:   []string{`{` + anonymous + denied + `"target":{"id":"/articles/<id>","type":"route"},` + article("401") + `}`},
	},
	{
		name: "a denial by the handler, after authentication",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(403), &Intent{Event: publish})
			s.Middleware.Actor, s.Middleware.Denials = bySignIn, tracker
			s.Inside = []func(http.Handler) http.Handler{signIn}
			return s
		},
		status: 403,
		want:   []string{`{` + alice + intent + `"outcome":"denied",` + article("403") + `}`},
	},
	{
		name: "two middlewares with one denial",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(403))
			s.Middleware = &Options{Denials: tracker}
			s.Routes[0].Group, s.Routes[0].Pattern = "/admin", "/<id>"
			s.Routes[0].GroupMiddleware = &Options{Actor: byUser, Denials: tracker, Channel: "admin"}
			return s
		},
		path:   "/admin/1",
		status: 403,
		want:   []string{`{` + alice + denied + `"channel":"admin","target":{"id":"/admin/<id>","type":"route"},` + metadata("/admin/<id>", "/admin/1", "403") + `}`},
	},
	{
		name: "an administrator who acts on behalf of another",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(200), &Intent{Event: publish})
			s.Middleware.OnBehalfOf = func(r *http.Request, actor audit.Actor) (audit.Actor, error) {
				if as := r.Header.Get("As"); as != "" && actor.ID == "root" {
					return audit.User(as), nil
				}
				return audit.Actor{}, nil
			}
			return s
		},
		header: []string{"User", "root", "As", "bob"},
		status: 200,
		want:   []string{`{"actor":{"id":"root","on_behalf_of":{"id":"bob","type":"user"},"type":"user"},` + intent + `"outcome":"success",` + article("200") + `}`},
	},
	{
		name: "an event that is missing",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(200))
			s.Middleware.Coverage = tracker
			return s
		},
		status: 200,
		want: []string{`{` + alice + `"action":"audit.coverage.missing","kind":"signal","outcome":"success","target":{"id":"/articles/<id>","type":"route"},` +
			article("200") + `}`},
		errs: []string{"*request.CoverageError"},
	},
	{
		name: "an event that is not missing",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(200), &Intent{Event: publish})
			s.Middleware.Coverage = tracker
			return s
		},
		status: 200,
		want:   []string{`{` + alice + intent + `"outcome":"success",` + article("200") + `}`},
	},
	{
		name: "all that a policy requires",
		service: func(t *testing.T, tracker audit.Tracker) *Service {
			return one(tracker, func(w http.ResponseWriter, r *http.Request, _ func(string) string) {
				if err := audit.Ready(r.Context()); err != nil {
					t.Error(err)
				}
				w.WriteHeader(http.StatusNoContent)
			}, supplied)
		},
		options: []sdk.Option{sdk.WithPolicy(strict)},
		form:    "why=spam", header: []string{"Ticket", "T-1"},
		status: 204,
		want: []string{`{` + alice + intent + article1 + `"outcome":"success","reason":"spam",` +
			strings.Replace(article("204"), `"url.path"`, `"ticket":"T-1","url.path"`, 1) + `}`},
	},
	{
		name: "not all that a policy requires",
		service: func(t *testing.T, tracker audit.Tracker) *Service {
			t.Helper()
			return one(tracker, unreached(t), supplied)
		},
		options: []sdk.Option{sdk.WithPolicy(strict)},
		form:    "why=+", header: []string{"Ticket", "T-1"},
		status: 422,
		want: []string{`{` + alice + article1 + `"action":"audit.rejected","kind":"signal","outcome":"failure",` +
			`"failure":"sdk: policy rule \"articles\" rejects the event: audit: reason: it is required for this action",` +
			strings.Replace(article(""), `"client.address"`, `"`+string(semconv.RejectedActionKey)+`":"article.publish","`+
				string(semconv.RejectedFieldsKey)+`":["reason"],"`+string(semconv.RejectedRuleKey)+`":"articles","ticket":"T-1","client.address"`, 1) + `}`},
	},
	{
		name: "a trusted proxy, metadata of the application, and a request ID",
		service: func(_ *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, answer(200), &Intent{Event: publish})
			s.Middleware.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			s.Middleware.Metadata = func(r *http.Request) []attribute.KeyValue {
				return []attribute.KeyValue{attribute.String("app.region", r.Header.Get("Region"))}
			}
			return s
		},
		header: []string{"X-Forwarded-For", "198.51.100.66, 203.0.113.7", "Region", "eu", "X-Request-Id", "r-1"},
		status: 200,
		want: []string{`{` + alice + intent + `"outcome":"success",` + strings.Replace(article("200"), `"client.address":"127.0.0.1"`,
			`"app.region":"eu","client.address":"203.0.113.7","http.request.id":"r-1"`, 1) + `}`},
	},
	{
		name: "a request that is not audited",
		service: func(t *testing.T, tracker audit.Tracker) *Service {
			s := one(tracker, func(w http.ResponseWriter, r *http.Request, _ func(string) string) {
				if audit.ScopeFromContext(r.Context()) != nil {
					t.Error("there is a scope")
				}
				w.WriteHeader(http.StatusUnauthorized)
			})
			s.Middleware.Denials = tracker
			s.Middleware.Filter = func(r *http.Request) bool { return r.URL.Path != "/articles/1" }
			return s
		},
		status: 401,
	},
}
