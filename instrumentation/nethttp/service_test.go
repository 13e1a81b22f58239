package audithttp_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// quiet discards the log of servers whose handlers panic.
var quiet = log.New(io.Discard, "", 0)

// publish is the event of the routes with an intent.
var publish = audit.Event{Action: "article.publish", Operation: audit.OperationUpdate}

// TestServices sends a request to each service and compares whole records.
func TestServices(t *testing.T) {
	t.Parallel()
	const alice = `"actor":{"id":"alice","type":"user"},`
	const intent = `"action":"article.publish","kind":"intent","operation":"update",`
	metadata := func(more string) string {
		return `"metadata":{"client.address":"127.0.0.1",` + more + `"network.peer.address":"127.0.0.1","user_agent.original":"test/1.0"}`
	}
	post := func(route, path, status string) string {
		if route != "" {
			route = `"http.route":"` + route + `",`
		}
		if status != "" {
			status = `"http.response.status_code":` + status + `,`
		}
		return metadata(`"http.request.method":"POST",` + route + `"url.path":"` + path + `",` + status)
	}

	tests := []struct {
		name    string
		service func(audit.Tracker) http.Handler
		path    string // "/articles/1?q=secret" if empty
		header  []string
		status  int // 0: the client gets no response
		want    []string
	}{
		{
			name: "a ServeMux with a route intent",
			service: func(tracker audit.Tracker) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("POST /articles/{id}", audithttp.Intent(tracker, publish, http.HandlerFunc(
					func(w http.ResponseWriter, r *http.Request) {
						audit.SetTarget(r.Context(), audit.Target{Type: "article", ID: r.PathValue("id")})
						w.WriteHeader(http.StatusNoContent)
					})))
				return audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithChannel("api"))(mux)
			},
			status: 204,
			want: []string{
				`{` + alice + intent + `"channel":"api","outcome":"success","target":{"id":"1","type":"article"},` +
					post("/articles/{id}", "/articles/1", "204") + `}`,
			},
		},
		{
			name: "a pattern with a host, and a request ID",
			service: func(tracker audit.Tracker) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("127.0.0.1/articles/{id...}", audithttp.Intent(tracker, publish, answer(302)))
				return audithttp.Middleware(audithttp.WithActor(byUser))(mux)
			},
			header: []string{"X-Request-Id", "r-1"},
			status: 302,
			want: []string{
				`{` + alice + intent + `"outcome":"success",` + metadata(`"http.request.id":"r-1","http.request.method":"POST",`+
					`"http.route":"/articles/{id...}","url.path":"/articles/1","http.response.status_code":302,`) + `}`,
			},
		},
		{
			name: "a handler that tracks the same action itself",
			service: func(tracker audit.Tracker) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("POST /articles/{id}", audithttp.Intent(tracker, audit.Event{Action: " Article.Publish"}, http.HandlerFunc(
					func(_ http.ResponseWriter, r *http.Request) {
						e := publish
						e.Reason = "its own"
						assert.NoError(t, tracker.Track(r.Context(), e))
					})))
				return audithttp.Middleware(audithttp.WithActor(byUser))(mux)
			},
			status: 200,
			want: []string{
				`{` + alice + intent + `"outcome":"unknown","reason":"its own",` + metadata(
					`"http.request.method":"POST","http.route":"/articles/{id}","url.path":"/articles/1",`) + `}`,
			},
		},
		{
			name: "a handler that tracks another action and fails to track its own",
			service: func(tracker audit.Tracker) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("POST /articles/{id}", audithttp.Intent(tracker, publish, http.HandlerFunc(
					func(w http.ResponseWriter, r *http.Request) {
						assert.NoError(t, tracker.Track(r.Context(), audit.Event{Action: "article.read"}))
						broken := publish
						broken.Target.ID = "without a type"
						assert.Error(t, tracker.Track(r.Context(), broken))
						w.WriteHeader(500)
					})))
				return audithttp.Middleware(audithttp.WithActor(byUser))(mux)
			},
			status: 500,
			want: []string{
				`{` + alice + `"action":"article.read","kind":"intent","outcome":"unknown",` + metadata(
					`"http.request.method":"POST","http.route":"/articles/{id}","url.path":"/articles/1",`) + `}`,
				`{` + alice + intent + `"outcome":"failure",` + post("/articles/{id}", "/articles/1", "500") + `}`,
			},
		},
		{
			name: "a secret in the path",
			service: func(tracker audit.Tracker) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("POST /users/{id}/reset/{resetToken}", audithttp.Intent(tracker, publish, answer(404)))
				return audithttp.Middleware(audithttp.WithActor(byUser))(mux)
			},
			path:   "/users/7/reset/hunter2",
			status: 404,
			want: []string{
				`{` + alice + intent + `"outcome":"failure",` + post("/users/{id}/reset/{resetToken}",
					"/users/7/reset/***REDACTED***", "404") + `}`,
			},
		},
		{
			name: "a secret in the path of a ServeMux inside another handler",
			service: func(tracker audit.Tracker) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("POST /reset/{token}", audithttp.Intent(tracker, publish, answer(200)))
				return audithttp.Middleware(
					audithttp.WithActor(byUser),
					audithttp.WithRoute(func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }),
				)(http.MaxBytesHandler(mux, 1000))
			},
			path:   "/reset/hunter2",
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("/reset/{token}", "/reset/***REDACTED***", "200") + `}`},
		},
		{
			name: "a secret in the path that only the route intent knows",
			service: func(tracker audit.Tracker) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("POST /reset/{token}", audithttp.Intent(tracker, publish, answer(200)))
				return audithttp.Middleware(audithttp.WithActor(byUser))(http.MaxBytesHandler(mux, 1000))
			},
			path:   "/reset/hunter2%01",
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("/reset/{token}", "/reset/***REDACTED***", "200") + `}`},
		},
		{
			name: "a ServeMux mounted in another",
			service: func(tracker audit.Tracker) http.Handler {
				inner := http.NewServeMux()
				inner.Handle("POST /articles/{id}", audithttp.Intent(tracker, publish, answer(200)))
				outer := http.NewServeMux()
				outer.Handle("/api/", http.StripPrefix("/api", inner))
				return audithttp.Middleware(audithttp.WithActor(byUser))(outer)
			},
			path:   "/api/articles/1",
			status: 200,
			want: []string{
				`{` + alice + intent + `"outcome":"success",` + post("/articles/{id}", "/api/articles/1", "200") + `}`,
			},
		},
		{
			name: "a route that only the handler knows",
			service: func(tracker audit.Tracker) http.Handler {
				router := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { r.Pattern = "/articles/{id:[0-9]+}" })
				return audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish, router))
			},
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("/articles/{id:[0-9]+}", "/articles/1", "200") + `}`},
		},
		{
			name: "an escaped slash",
			service: func(tracker audit.Tracker) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("POST /reset/{token}/{name}", audithttp.Intent(tracker, publish, answer(200)))
				return audithttp.Middleware(audithttp.WithActor(byUser))(mux)
			},
			path:   "/reset/a%2Fb/c%2Fd",
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("/reset/{token}/{name}", "/reset/***REDACTED***/c%2Fd", "200") + `}`},
		},
		{
			name: "a route intent without a middleware",
			service: func(tracker audit.Tracker) http.Handler {
				h := audithttp.Intent(tracker, publish, answer(201))
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					h.ServeHTTP(w, r.WithContext(audit.ContextWithActor(r.Context(), audit.User("alice"))))
				})
			},
			status: 201,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("", "/articles/1", "201") + `}`},
		},
		{
			name: "an event that depends on request and status",
			service: func(tracker audit.Tracker) http.Handler {
				h := audithttp.IntentFunc(tracker, func(r *http.Request, status int) audit.Event {
					return audit.Event{
						Action: "article.seek", Outcome: audit.OutcomeSuccess, Reason: http.StatusText(status),
						Kind:     audit.KindSignal, // a route intent is an intent
						Target:   audit.Target{Type: "article", ID: r.URL.Query().Get("q")},
						Metadata: []attribute.KeyValue{attribute.Int("http.response.status_code", -1)},
					}
				}, answer(404))
				return audithttp.Middleware(audithttp.WithActor(byUser))(h)
			},
			status: 404,
			want: []string{
				`{` + alice + `"action":"article.seek","kind":"intent","outcome":"success","reason":"Not Found","target":{"id":"secret","type":"article"},` +
					post("", "/articles/1", "-1") + `}`,
			},
		},
		{
			name: "nested route intents",
			service: func(tracker audit.Tracker) http.Handler {
				inner := audithttp.Intent(tracker, audit.Event{Action: "step.inner"}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					audit.SetTarget(r.Context(), audit.Target{Type: "step", ID: "inner"})
					w.WriteHeader(200)
				}))
				return audithttp.Middleware(audithttp.WithActor(byUser))(
					audithttp.Intent(tracker, audit.Event{Action: "step.outer", Target: audit.Target{Type: "step"}}, inner))
			},
			status: 200,
			want: []string{
				`{` + alice + `"action":"step.inner","kind":"intent","outcome":"success","target":{"id":"inner","type":"step"},` + post("", "/articles/1", "200") + `}`,
				`{` + alice + `"action":"step.outer","kind":"intent","outcome":"success","target":{"type":"step"},` + post("", "/articles/1", "200") + `}`,
			},
		},
		{
			name: "a handler that panics",
			service: func(tracker audit.Tracker) http.Handler {
				return audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish,
					http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") })))
			},
			want: []string{`{` + alice + intent + `"outcome":"failure",` + post("", "/articles/1", "") + `}`},
		},
		{
			name: "a handler that aborts before its response",
			service: func(tracker audit.Tracker) http.Handler {
				return audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish,
					http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })))
			},
			want: []string{`{` + alice + intent + `"outcome":"failure",` + post("", "/articles/1", "") + `}`},
		},
		{
			name: "a panic that a middleware inside of ours answers",
			service: func(tracker audit.Tracker) http.Handler {
				h := audithttp.Intent(tracker, publish, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") }))
				return audithttp.Middleware(audithttp.WithActor(byUser))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() {
						assert.Equal(t, "no", recover())
						w.WriteHeader(503)
					}()
					h.ServeHTTP(w, r)
				}))
			},
			status: 503,
			want:   []string{`{` + alice + intent + `"outcome":"failure",` + post("", "/articles/1", "503") + `}`},
		},
		{
			name: "a handler that leaves its response to a middleware inside of ours",
			service: func(tracker audit.Tracker) http.Handler {
				h := audithttp.Intent(tracker, publish, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				return audithttp.Middleware(audithttp.WithActor(byUser))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					h.ServeHTTP(w, r)
					w.WriteHeader(409)
				}))
			},
			status: 409,
			want:   []string{`{` + alice + intent + `"outcome":"failure",` + post("", "/articles/1", "409") + `}`},
		},
		{
			name: "requests within a request",
			service: func(tracker audit.Tracker) http.Handler {
				one := audithttp.Intent(tracker, publish, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				return audithttp.Middleware(audithttp.WithActor(byUser))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					one.ServeHTTP(httptest.NewRecorder(), r)
					w.WriteHeader(207)
				}))
			},
			status: 207,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("", "/articles/1", "") + `}`},
		},
		{
			name: "a handler that aborts in the middle of its response",
			service: func(tracker audit.Tracker) http.Handler {
				return audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish,
					http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						_, _ = io.WriteString(w, "not all")
						panic(http.ErrAbortHandler)
					})))
			},
			want: []string{`{` + alice + intent + `"outcome":"failure",` + post("", "/articles/1", "200") + `}`},
		},
		{
			name: "a panic with an event that says success",
			service: func(tracker audit.Tracker) http.Handler {
				return audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.IntentFunc(tracker,
					func(*http.Request, int) audit.Event { e := publish; e.Outcome = audit.OutcomeSuccess; return e },
					http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") })))
			},
			want: []string{`{` + alice + intent + `"outcome":"failure",` + post("", "/articles/1", "") + `}`},
		},
		{
			name: "a timeout outside the middleware",
			service: func(tracker audit.Tracker) http.Handler {
				h := audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish, answer(204)))
				return http.TimeoutHandler(h, time.Minute, "")
			},
			status: 204,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("", "/articles/1", "204") + `}`},
		},
		{
			name: "a timeout outside the middleware, which answers",
			service: func(tracker audit.Tracker) http.Handler {
				late := make(chan struct{})
				h := audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish, http.HandlerFunc(
					func(w http.ResponseWriter, r *http.Request) {
						<-r.Context().Done()
						w.WriteHeader(204) // dropped
					})))
				timed := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer close(late)
					h.ServeHTTP(w, r)
				}), time.Millisecond, "")
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					timed.ServeHTTP(w, r)
					<-late
				})
			},
			status: 503,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("", "/articles/1", "") + `}`},
		},
		{
			name: "a timeout inside the middleware",
			service: func(tracker audit.Tracker) http.Handler {
				hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
				return audithttp.Middleware(audithttp.WithActor(byUser))(
					audithttp.Intent(tracker, publish, http.TimeoutHandler(hang, time.Millisecond, "")))
			},
			status: 503,
			want:   []string{`{` + alice + intent + `"outcome":"failure",` + post("", "/articles/1", "503") + `}`},
		},
		{
			name: "a trusted proxy with a forged header",
			service: func(tracker audit.Tracker) http.Handler {
				return audithttp.Middleware(
					audithttp.WithActor(byUser),
					audithttp.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")),
				)(audithttp.Intent(tracker, publish, answer(200)))
			},
			header: []string{"X-Forwarded-For", "198.51.100.66, 203.0.113.7"},
			status: 200,
			want: []string{
				`{` + alice + intent + `"outcome":"success","metadata":{"client.address":"203.0.113.7","http.request.method":"POST",` +
					`"network.peer.address":"127.0.0.1","url.path":"/articles/1","user_agent.original":"test/1.0","http.response.status_code":200}}`,
			},
		},
		{
			name: "an untrusted proxy",
			service: func(tracker audit.Tracker) http.Handler {
				return audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish, answer(200)))
			},
			header: []string{"X-Forwarded-For", "203.0.113.7"},
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("", "/articles/1", "200") + `}`},
		},
		{
			name: "metadata of the application",
			service: func(tracker audit.Tracker) http.Handler {
				return audithttp.Middleware(
					audithttp.WithActor(byUser),
					audithttp.WithMetadata(func(r *http.Request) []attribute.KeyValue {
						return []attribute.KeyValue{
							attribute.String("app.region", r.Header.Get("Region")),
							attribute.String("client.address", "10.9.8.7"),
						}
					}),
				)(audithttp.Intent(tracker, publish, answer(200)))
			},
			header: []string{"Region", strings.Repeat("é", 300)},
			status: 200,
			want: []string{
				`{` + alice + intent + `"outcome":"success","marks":[{"length":600,"mark":"cut","path":"metadata.app.region","sha256":"7250b66610f8b7dbd6f5e5426d2143bcba6d826cedb4bea8a358695da78db023"}],"overridden":{"client.address":"127.0.0.1"},` +
					`"metadata":{"app.region":"` + strings.Repeat("é", 256) + `","client.address":"10.9.8.7","http.request.method":"POST",` +
					`"network.peer.address":"127.0.0.1","url.path":"/articles/1","user_agent.original":"test/1.0","http.response.status_code":200}}`,
			},
		},
		{
			name: "a request ID set by another middleware",
			service: func(tracker audit.Tracker) http.Handler {
				h := audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish, answer(200)))
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Request-Id", "ours")
					h.ServeHTTP(w, r)
				})
			},
			header: []string{"X-Request-Id", "theirs"},
			status: 200,
			want: []string{
				`{` + alice + intent + `"outcome":"success",` + metadata(
					`"http.request.id":"ours","http.request.method":"POST","url.path":"/articles/1","http.response.status_code":200,`) + `}`,
			},
		},
		{
			name: "a request ID set between middleware and route",
			service: func(tracker audit.Tracker) http.Handler {
				h := audithttp.Intent(tracker, publish, answer(200))
				return audithttp.Middleware(audithttp.WithActor(byUser))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Request-Id", "ours")
					h.ServeHTTP(w, r)
				}))
			},
			status: 200,
			want: []string{
				`{` + alice + intent + `"outcome":"success",` + metadata(
					`"http.request.id":"ours","http.request.method":"POST","url.path":"/articles/1","http.response.status_code":200,`) + `}`,
			},
		},
		{
			name: "nested middleware",
			service: func(tracker audit.Tracker) http.Handler {
				mux := http.NewServeMux()
				admin := audithttp.Middleware(audithttp.WithChannel("admin"), audithttp.WithActor(
					func(*http.Request) (audit.Actor, error) { return audit.User("root"), nil }))
				mux.Handle("POST /admin/{id}", admin(audithttp.Intent(tracker, publish, answer(200))))
				track := audithttp.Intent(tracker, audit.Event{Action: "request.serve"}, mux)
				return audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithChannel("api"))(track)
			},
			path:   "/admin/1",
			status: 200,
			want: []string{
				`{"actor":{"id":"root","type":"user"},` + intent + `"channel":"admin","outcome":"success",` + post("/admin/{id}", "/admin/1", "200") + `}`,
				`{` + alice + `"action":"request.serve","kind":"intent","channel":"api","outcome":"success",` + post("/admin/{id}", "/admin/1", "200") + `}`,
			},
		},
		{
			name: "a filtered request",
			service: func(tracker audit.Tracker) http.Handler {
				return audithttp.Middleware(
					audithttp.WithFilter(func(r *http.Request) bool { return r.URL.Path != "/healthz" }),
					audithttp.WithDenials(tracker),
				)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					assert.Nil(t, audit.ScopeFromContext(r.Context()))
					w.WriteHeader(401)
				}))
			},
			path:   "/healthz",
			status: 401,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			s := serve(t, tt.service(tracker))
			s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			path := tt.path
			if path == "" {
				path = "/articles/1?q=secret"
			}
			status, _, err := do(t, s, http.MethodPost, path, append(tt.header, "User", "alice")...)
			if tt.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, tt.status, status)
			}
			s.Close() // the record may come after the response
			requireRecords(t, tt.want, records)
		})
	}
}

// requireRecords compares whole records.
func requireRecords(t *testing.T, want []string, got *trail) {
	t.Helper()
	lines := got.json(t)
	require.Len(t, lines, len(want), "%v", lines)
	for i := range want {
		require.JSONEq(t, want[i], lines[i])
	}
}

// TestServerInScope checks that a scope that is not a request's, here the server's, is only
// a parent: its metadata is inherited, its actor is not.
func TestServerInScope(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	job, scope := audit.NewScope(context.Background(), audit.AsActor(audit.System("server")),
		audit.WithScopeMetadata(attribute.String("deployment", "blue")))
	s := serveWith(t, &http.Server{
		Handler:     audithttp.Middleware(audithttp.WithDenials(tracker))(answer(401)),
		BaseContext: func(net.Listener) context.Context { return job },
	})
	_, _, err := do(t, s, http.MethodPost, "/a")
	require.NoError(t, err)
	s.Close()
	require.NoError(t, tracker.Track(job, audit.Event{Action: "job.done"}))
	require.NoError(t, scope.End(context.Background()))
	requireRecords(t, []string{
		`{"action":"access.denied","actor":{"type":"anonymous"},"kind":"intent","outcome":"denied",
			"metadata":{"client.address":"127.0.0.1","deployment":"blue","http.request.method":"POST","http.response.status_code":401,
			"network.peer.address":"127.0.0.1","url.path":"/a","user_agent.original":"test/1.0"}}`,
		`{"action":"job.done","actor":{"id":"server","type":"system"},"kind":"intent","outcome":"unknown","metadata":{"deployment":"blue"}}`,
	}, records)
}

// TestHostileRequest sends a request that no client library would.
func TestHostileRequest(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish, answer(200))))
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "SPY /%00"+strings.Repeat("a", 10_000)+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser: alice\r\n"+
		"User-Agent: \xff\xfe\r\nX-Request-Id: "+strings.Repeat("r", 100_000)+"\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n")
	require.NoError(t, err)
	response, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(response), "HTTP/1.1 200 "), "%s", response)
	s.Close()
	requireRecords(t, []string{
		`{"action":"article.publish","actor":{"id":"alice","type":"user"},"kind":"intent","operation":"update","outcome":"success",
			"marks":[{"length":100000,"mark":"cut","path":"metadata.http.request.id","sha256":"c649eb66885d4c325a7125e28d77ef8ff3ca1d4858fc4d969cc8140b7cb7f19c"},
			{"length":10002,"mark":"cut","path":"metadata.url.path","sha256":"341d6fd13969aedea7110fd6e66faf8d2772e6c4f0653a36f54c03b033e6bb09"},
			{"mark":"escaped","path":"metadata.url.path"},{"mark":"escaped","path":"metadata.user_agent.original"}],
			"metadata":{"client.address":"127.0.0.1","http.request.id":"` + strings.Repeat("r", 512) + `","http.request.method":"SPY","http.response.status_code":200,
			"network.peer.address":"127.0.0.1","url.path":"/\\x00` + strings.Repeat("a", 507) + `","user_agent.original":"\\xff\\xfe"}}`,
	}, records)
}

// TestClientHangsUp cancels the request while the handler runs.
func TestClientHangsUp(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	entered, ended := make(chan struct{}), make(chan struct{})
	h := audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish, http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
			assert.NoError(t, tracker.Track(r.Context(), audit.Event{Action: "article.read", Kind: audit.KindSignal}))
		})))
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		h.ServeHTTP(w, r)
	}))
	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/a", nil)
	require.NoError(t, err)
	r.Header.Set("User", "alice")
	r.Header.Set("User-Agent", "test/1.0")
	go func() {
		<-entered
		hangUp()
	}()
	response, err := s.Client().Do(r)
	if !assert.ErrorIs(t, err, context.Canceled) {
		response.Body.Close()
	}
	<-ended
	const metadata = `"client.address":"127.0.0.1","http.request.method":"POST","network.peer.address":"127.0.0.1","url.path":"/a","user_agent.original":"test/1.0"`
	requireRecords(t, []string{
		`{"action":"article.publish","actor":{"id":"alice","type":"user"},"kind":"intent","operation":"update","outcome":"unknown","metadata":{` + metadata + `}}`,
		`{"action":"article.read","actor":{"id":"alice","type":"user"},"kind":"signal","outcome":"unknown","metadata":{` + metadata + `}}`,
	}, records)
}

// TestPanicValue checks that a panic continues with its value.
func TestPanicValue(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	thrown := errors.New("thrown")
	h := audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithDenials(tracker))(
		audithttp.Intent(tracker, publish, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			assert.NoError(t, tracker.Track(r.Context(), audit.Event{Action: "article.read", Kind: audit.KindSignal, Actor: audit.User("a")}))
			panic(thrown)
		})))
	var recovered any
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			recovered = recover()
			w.WriteHeader(500)
		}()
		h.ServeHTTP(w, r)
	}))
	status, _, err := do(t, s, http.MethodPost, "/a", "User", "alice")
	require.NoError(t, err)
	require.Equal(t, 500, status)
	require.Same(t, thrown, recovered)
	all := records.all()
	require.Len(t, all, 2, "the intent and the held signal")
	require.Equal(t, audit.OutcomeFailure, all[0].Outcome)
	require.Equal(t, audit.KindSignal, all[1].Kind)
}
