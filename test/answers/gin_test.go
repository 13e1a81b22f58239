package answers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
)

// ginService returns a service of gin in an order.
func ginService(o setup, tracker audit.Tracker, n *notes, row *ginRow) http.Handler {
	e := gin.New()
	var opts []auditgin.IntentOption
	if o.withheld {
		opts = append(opts, auditgin.WithheldAnswer())
	}
	var own gin.HandlersChain
	if row.mw != nil {
		own = gin.HandlersChain{row.mw(n)}
	}
	intent := auditgin.Intent(tracker, event, opts...)
	scope := auditgin.Middleware(auditgin.WithDenials(tracker), auditgin.WithCoverage(tracker, nil), auditgin.WithErrorHandler(ignore))
	var global, route gin.HandlersChain
	switch o.order {
	case bare:
		global = own
	case intentOnly:
		global, route = own, gin.HandlersChain{intent}
	case scopeOnly:
		global = slices.Concat(own, gin.HandlersChain{scope})
	case outside:
		global, route = slices.Concat(own, gin.HandlersChain{scope}), gin.HandlersChain{intent}
	case between:
		global, route = gin.HandlersChain{scope}, slices.Concat(own, gin.HandlersChain{intent})
	case inside:
		global, route = gin.HandlersChain{scope}, append(gin.HandlersChain{intent}, own...)
	case intentOutside:
		route = append(gin.HandlersChain{intent}, own...)
	}
	e.Use(global...)
	e.Any("/a", append(route, func(c *gin.Context) {
		row.handler(n, c)
		n.add("%d %v %v %v", c.Writer.Status(), c.Writer.Size(), c.Writer.Written(), c.IsAborted())
	})...)
	return e
}

type ginRow struct {
	name    string
	request string // get if empty
	mw      func(*notes) gin.HandlerFunc
	handler func(n *notes, c *gin.Context)
	want    expectation
	only1   bool
}

// ginWriter is a writer of an application, which hides the one below.
type ginWriter struct {
	gin.ResponseWriter
	text bytes.Buffer
}

func (w *ginWriter) Write(b []byte) (int, error) {
	w.text.Write(b)
	return w.ResponseWriter.Write(b)
}

func ginRows() []ginRow {
	after := func(f func(n *notes, c *gin.Context)) func(*notes) gin.HandlerFunc {
		return func(n *notes) gin.HandlerFunc {
			return func(c *gin.Context) {
				c.Next()
				n.add("after: %d %d %v %v", c.Writer.Status(), c.Writer.Size(), c.Writer.Written(), c.Errors.Errors())
				f(n, c)
			}
		}
	}
	look := after(func(*notes, *gin.Context) {})
	answering := after(func(_ *notes, c *gin.Context) {
		if len(c.Errors) > 0 {
			c.JSON(http.StatusConflict, gin.H{"error": c.Errors.Last().Error()})
		}
	})
	recovery := func(*notes) gin.HandlerFunc { return gin.RecoveryWithWriter(io.Discard) }
	panics := func(*notes, *gin.Context) { panic("no") }
	errs := func(_ *notes, c *gin.Context) { _ = c.Error(errConflict) }
	silent := expectation{outcome: audit.OutcomeSuccess, none: orders}
	unanswered := expectation{outcome: audit.OutcomeFailure, none: orders}
	return []ginRow{
		{name: "a text", mw: look, handler: func(_ *notes, c *gin.Context) { c.String(201, "hello") }, want: succeeds},
		{name: "nothing", mw: look, handler: func(*notes, *gin.Context) {}, want: silent},
		{name: "a status", mw: look, handler: func(_ *notes, c *gin.Context) { c.Status(204) }, want: succeeds},
		{name: "the usual status", mw: look, handler: func(_ *notes, c *gin.Context) { c.Status(200) }, want: succeeds},
		{name: "a status that is changed", mw: look, handler: func(_ *notes, c *gin.Context) {
			c.Status(500)
			c.JSON(201, "hello")
		}, want: succeeds},
		{name: "a redirect", mw: look, handler: func(_ *notes, c *gin.Context) { c.Redirect(302, "/b") }, want: succeeds},
		{name: "a denial", mw: look, handler: func(_ *notes, c *gin.Context) { c.AbortWithStatus(403) }, want: expectation{outcome: audit.OutcomeDenied}},
		{name: "a denial with a body", mw: look, handler: func(_ *notes, c *gin.Context) { c.AbortWithStatusJSON(401, gin.H{"a": 1}) }, want: expectation{outcome: audit.OutcomeDenied}},
		{name: "an abort without a status", mw: look, handler: func(_ *notes, c *gin.Context) { c.Abort() }, want: silent},
		{name: "an error with a status", mw: look, handler: func(_ *notes, c *gin.Context) { _ = c.AbortWithError(422, errConflict) }, want: fails},
		{name: "an error and a pending status", mw: look, handler: func(_ *notes, c *gin.Context) {
			c.Status(409)
			_ = c.Error(errConflict)
		}, want: fails},
		{name: "an error that a middleware answers", mw: answering, handler: errs, want: fails},
		{name: "an error that nobody answers", mw: look, handler: errs, want: unanswered},
		{name: "an error beside an answer", mw: look, handler: func(_ *notes, c *gin.Context) {
			_ = c.Error(errLate)
			c.String(200, "hello")
		}, want: succeeds},
		{
			name: "an answer of a middleware", mw: after(func(_ *notes, c *gin.Context) { c.String(418, "teapot") }), handler: func(*notes, *gin.Context) {},
			want: expectation{outcome: audit.OutcomeFailure, none: beforeOurs, outcomes: map[order]audit.Outcome{intentOnly: audit.OutcomeSuccess, outside: audit.OutcomeSuccess}},
		},
		{name: "an error for HEAD", request: strings.Replace(get, "GET", "HEAD", 1), mw: look, handler: func(_ *notes, c *gin.Context) { c.String(404, "no") }, want: fails},
		{name: "a stream", mw: look, handler: func(_ *notes, c *gin.Context) {
			for i := range 3 {
				c.SSEvent("", i)
				c.Writer.Flush()
			}
		}, want: streams},
		{name: "gin's stream", mw: look, handler: func(n *notes, c *gin.Context) {
			left := 3
			n.add("%v", c.Stream(func(w io.Writer) bool {
				_, _ = fmt.Fprintln(w, left)
				left--
				return left > 0
			}))
		}, want: streams},
		{name: "a flush before anything else", mw: look, handler: func(_ *notes, c *gin.Context) {
			c.Writer.Flush()
			c.Status(500) // too late
		}, want: streams},
		{name: "a hijacked connection", only1: true, mw: look, handler: func(n *notes, c *gin.Context) {
			conn, rw, err := c.Writer.Hijack()
			n.add("%T %v", conn, err)
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = rw.WriteString("HTTP/1.1 299 Mine\r\nConnection: close\r\n\r\nhello")
			_ = rw.Flush()
		}, want: expectation{outcome: audit.OutcomeSuccess, stream: true, none: orders}},
		{name: "deadlines", mw: look, handler: func(n *notes, c *gin.Context) {
			control := http.NewResponseController(c.Writer)
			n.add("%v", control.SetReadDeadline(time.Now().Add(time.Minute)))
			n.add("%v", control.SetWriteDeadline(time.Now().Add(time.Minute)))
			n.add("%v", c.Writer.Pusher() != nil)
			c.String(200, "hello")
		}, want: succeeds},
		{name: "a header now", mw: look, handler: func(_ *notes, c *gin.Context) {
			c.Header("X-A", "1")
			c.Status(202)
			c.Writer.WriteHeaderNow()
			c.Header("X-B", "1") // too late
			_, _ = c.Writer.WriteString("hello")
		}, want: succeeds},
		{name: "a panic", handler: panics, want: fails},
		{name: "a panic under Recovery", mw: recovery, handler: panics, want: fails},
		{name: "an error under Recovery, as a panic", mw: recovery, handler: func(*notes, *gin.Context) { panic(errConflict) }, want: fails},
		{name: "a panic under Recovery, after the response", mw: recovery, handler: func(_ *notes, c *gin.Context) {
			c.String(200, "hello")
			panic("no")
		}, want: expectation{outcome: audit.OutcomeFailure, outcomes: map[order]audit.Outcome{inside: audit.OutcomeSuccess, intentOutside: audit.OutcomeSuccess}}},
		{name: "an abort of the server under Recovery", mw: recovery, handler: func(*notes, *gin.Context) { panic(http.ErrAbortHandler) }, want: unanswered},
		{name: "a writer of the application", mw: func(n *notes) gin.HandlerFunc {
			return func(c *gin.Context) {
				w := &ginWriter{ResponseWriter: c.Writer}
				c.Writer = w
				c.Next()
				n.add("%q %v", w.text.String(), c.Writer == w)
			}
		}, handler: func(_ *notes, c *gin.Context) { c.JSON(201, "hello") }, want: succeeds},
		{name: "what a middleware changed", request: strings.Replace(get, "/a", "/a?b=c", 1), mw: after(func(n *notes, c *gin.Context) {
			n.add("query %q, form %d, value %v, user %v", c.Query("b"), len(c.Request.Form), c.GetString("user"), c.Request.Context().Value(userKey{}))
		}), handler: func(_ *notes, c *gin.Context) {
			c.Set("user", "alice")
			_ = c.Request.ParseForm()
			c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), userKey{}, "alice"))
			c.Status(204)
		}, want: succeeds},
		{name: "a form", request: strings.Replace(post("b=c"), "Content-Length", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length", 1), mw: look, handler: func(_ *notes, c *gin.Context) {
			c.String(200, "%s", c.PostForm("b"))
		}, want: succeeds},
		{name: "a binding that fails", request: post("{"), mw: look, handler: func(n *notes, c *gin.Context) {
			var body struct{ A string }
			n.add("%v", c.BindJSON(&body))
		}, want: fails},
		{name: "a handler of net/http", mw: look, handler: func(_ *notes, c *gin.Context) {
			gin.WrapF(func(w http.ResponseWriter, r *http.Request) {
				http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), bytes.NewReader([]byte("hello")))
			})(c)
		}, want: succeeds},
		{name: "a timeout of net/http", mw: look, handler: func(_ *notes, c *gin.Context) {
			gin.WrapH(http.TimeoutHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), time.Millisecond, ""))(c)
		}, want: fails},
	}
}

func TestGin(t *testing.T) {
	t.Parallel()
	for _, row := range ginRows() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, func(t *testing.T, s setup, tracker audit.Tracker, n *notes) answer {
				server := start(ginService(s, tracker, n, &row))
				defer server.Close()
				request := row.request
				if request == "" {
					request = get
				}
				return exchange(t, server, request)
			})
		})
	}
}

func TestGinHTTP2(t *testing.T) {
	t.Parallel()
	for _, row := range ginRows() {
		if row.only1 || row.request != "" {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, func(t *testing.T, s setup, tracker audit.Tracker, n *notes) answer {
				server := start2(ginService(s, tracker, n, &row))
				defer server.Close()
				return exchange2(t, server, http.MethodGet, nil)
			})
		})
	}
}
