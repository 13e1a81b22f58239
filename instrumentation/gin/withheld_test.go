package auditgin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// journal lists what happens to a request, in order: what the trail and what the client gets.
type journal struct {
	http.ResponseWriter
	lines    []string
	fails    string // the line that fails
	noteBody bool
}

var errDisk = errors.New("the disk is full")

func (j *journal) Name() string { return "journal" }

func (j *journal) Direct() bool { return true }

func (j *journal) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		line := fmt.Sprintf("%s %s %s", r.Action, r.Target.ID, r.Outcome)
		if r.ID == r.Attempt {
			line = fmt.Sprintf("%s %s begun", r.Action, r.Target.ID)
		}
		if line == j.fails {
			return errDisk
		}
		j.lines = append(j.lines, line)
	}
	return nil
}

func (j *journal) Shutdown(context.Context) error { return nil }

func (j *journal) WriteHeader(status int) {
	j.lines = append(j.lines, fmt.Sprintf("status %d", status))
	j.ResponseWriter.WriteHeader(status)
}

func (j *journal) Write(b []byte) (int, error) {
	if j.noteBody {
		j.lines = append(j.lines, "body")
	}
	return j.ResponseWriter.Write(b)
}

func (j *journal) Flush() { j.lines = append(j.lines, "flush") }

// TestWithheldAnswer has the intent on a group, below a middleware that answers errors.
func TestWithheldAnswer(t *testing.T) {
	t.Parallel()
	paid := func(c *gin.Context) { c.String(http.StatusCreated, "paid") }
	done := auditgin.OnUnrecorded(func(w http.ResponseWriter, r *http.Request, err error, status int) {
		assert.ErrorIs(t, err, errDisk)
		assert.Equal(t, "/payouts/7", r.URL.Path)
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, "done with %d, not recorded", status)
	})
	const begun, success, failure = "payout.send 7 begun", "payout.send 7 success", "payout.send 7 failure"
	conflict := func(c *gin.Context) { _ = c.Error(errors.New("conflict")) }
	for name, tt := range map[string]struct {
		fails   string
		handler gin.HandlerFunc
		opts    []auditgin.IntentOption
		want    []string
		body    string
		errs    int
	}{
		"success": {handler: paid, want: []string{begun, "handler", success, "status 201"}, body: "paid"},
		"a pending status": {
			handler: func(c *gin.Context) { c.Status(http.StatusNoContent) },
			want:    []string{begun, "handler", success, "status 204"},
		},
		"nothing": {handler: func(*gin.Context) {}, want: []string{begun, "handler", success, "status 200"}},
		"a flush": {
			handler: func(c *gin.Context) {
				paid(c)
				c.Writer.Flush()
			},
			want: []string{begun, "handler", "status 201", "flush", success}, body: "paid",
		},
		"an error":  {handler: conflict, want: []string{begun, "handler", failure, "status 409"}, body: "conflict"},
		"not begun": {fails: begun, handler: paid, errs: 1, want: []string{"status 503"}, body: "this cannot be recorded now, so nothing was done; try again later\n"},
		"an answer of its own": {
			fails: begun, handler: paid, errs: 1, want: []string{"status 418"}, body: "7 is closed",
			opts: []auditgin.IntentOption{auditgin.OnNotBegun(func(c *gin.Context, err error) {
				assert.ErrorIs(t, err, errDisk)
				c.String(http.StatusTeapot, "%s is closed", c.Param("id"))
			})},
		},
		"not recorded": {fails: success, handler: paid, errs: 1, want: []string{begun, "handler", "status 201"}, body: "paid"},
		"not recorded, with a function": {
			fails: success, handler: paid, opts: []auditgin.IntentOption{done}, errs: 1,
			want: []string{begun, "handler", "status 202"}, body: "done with 201, not recorded",
		},
		"nothing, and not recorded": {
			fails: success, handler: func(*gin.Context) {}, opts: []auditgin.IntentOption{done}, errs: 1,
			want: []string{begun, "handler", "status 202"}, body: "done with 200, not recorded",
		},
		"a pending status, and not recorded": {
			fails: success, handler: func(c *gin.Context) { c.Status(http.StatusNoContent) }, opts: []auditgin.IntentOption{done}, errs: 1,
			want: []string{begun, "handler", "status 202"}, body: "done with 204, not recorded",
		},
		"a function that only writes a status": {
			fails: success, handler: paid, errs: 1, want: []string{begun, "handler", "status 202"},
			opts: []auditgin.IntentOption{auditgin.OnUnrecorded(func(w http.ResponseWriter, _ *http.Request, _ error, _ int) { w.WriteHeader(http.StatusAccepted) })},
		},
		"an error that is not recorded": {
			fails: failure, handler: conflict, opts: []auditgin.IntentOption{done}, errs: 1,
			want: []string{begun, "handler", "status 202"}, body: "done with 409, not recorded",
		},
		"a limit": {
			handler: paid, opts: []auditgin.IntentOption{auditgin.WithheldLimit(1)},
			want: []string{begun, "handler", "status 201", success}, body: "paid",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			j := &journal{fails: tt.fails, ResponseWriter: w}
			provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
			require.NoError(t, err)
			defer func() { require.NoError(t, provider.Shutdown(context.Background())) }()
			var errs []error
			e := gin.New()
			e.Use(auditgin.Middleware(
				auditgin.WithActor(func(*gin.Context) (audit.Actor, error) { return audit.User("alice"), nil }),
				auditgin.WithErrorHandler(func(_ context.Context, err error) { errs = append(errs, err) })),
				func(c *gin.Context) {
					c.Next()
					if len(c.Errors) > 0 {
						c.String(http.StatusConflict, "%s", c.Errors.Last().Error())
					}
				})
			opts := append([]auditgin.IntentOption{auditgin.TargetParam("payout", "id"), auditgin.WithheldAnswer()}, tt.opts...)
			g := e.Group("/payouts", auditgin.Intent(provider.Tracker("test"), audit.Event{Action: "payout.send"}, opts...))
			g.POST("/:id", func(c *gin.Context) {
				j.lines = append(j.lines, "handler")
				tt.handler(c)
			})
			e.ServeHTTP(j, httptest.NewRequest(http.MethodPost, "/payouts/7", nil))
			assert.Equal(t, tt.want, j.lines)
			assert.Equal(t, tt.body, w.Body.String())
			assert.Len(t, errs, tt.errs)
		})
	}
}

// TestInterimStatus has the record before the body, also after an interim status, which is a
// header to gin.
func TestInterimStatus(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]auditgin.IntentOption{nil, {auditgin.WithheldAnswer()}} {
		j := &journal{ResponseWriter: httptest.NewRecorder(), noteBody: true}
		provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
		require.NoError(t, err)
		e := gin.New()
		event := audit.Event{Action: "payout.send", Actor: audit.User("alice"), Target: audit.Target{Type: "payout", ID: "7"}}
		e.POST("/", auditgin.Middleware(), func(c *gin.Context) {
			c.Next()
			_, _ = c.Writer.WriteString("paid")
		}, auditgin.Intent(provider.Tracker("test"), event, opts...), func(c *gin.Context) {
			c.Writer.WriteHeader(http.StatusEarlyHints)
			c.Writer.WriteHeaderNow()
		})
		e.ServeHTTP(j, httptest.NewRequest(http.MethodPost, "/", nil))
		want := []string{"status 103", "payout.send 7 success", "body"}
		if opts != nil {
			want = append([]string{"payout.send 7 begun"}, want...)
		}
		assert.Equal(t, want, j.lines)
		require.NoError(t, provider.Shutdown(context.Background()))
	}
}

// FuzzWithheldAnswer lets a handler, and a middleware after it, write in the ways that a script
// says. A server sends the same bytes if the answer is withheld, and both see the same.
func FuzzWithheldAnswer(f *testing.F) {
	for _, script := range []string{
		"", "\x01\x05", "\x00\x01\x01\x05\x04\x01\x05\x01", "\x03\xff\x01\x10", "\x01\x20\x03\xff\x03\xff\x02\xff", "\x00\x04\x03\x05",
		"\x01\x05\x06\x00\x02\x10", "\x07\x03\x01\x20", "\x07\xff\x02\xff\x03\xff", "\x02\xff\x02\xff\x02\xff\x02\xff\x01\x01", "\x08\x09\x02\x80\x04\x07",
		"\x00\x02\x09\x00\x00\x06\x01\x05", "\x00\x02\x09\x00\x0b\x00\x01\x05", // an interim status
		"\x00\x03\x0b\x00\x01\x05", "\x00\x05\x0b\x00\x00\x01", "\x0b\x00\x00\x06", // a status that waits, and a middleware after it
		"\x01\x05\x0b\x00\x01\x05\x06\x00", "\x01\x05\x0c\x00\x00\x05\x09\x00\x01\x05", "\x00\x01\x0c\x00\x01\x05", // a panic
		"\x0a\x00", "\x09\x00\x0a\x00", "\x01\x05\x0a\x00", "\x0b\x00\x0a\x00", // a hijacked connection
		"\x00\x03\x01\x01\x02\x00\x03\x01\x01\x05", "\x00\x07\x01\x01",
	} {
		f.Add([]byte(script), uint16(64))
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(&trail{}))
	require.NoError(f, err)
	tracker := provider.Tracker("test")
	calls := make(chan *scriptCall, 1)
	handler := func(c *gin.Context) {
		s := callOf(c)
		if s.run(c) {
			panic("no")
		}
	}
	after := func(c *gin.Context) {
		s := callOf(c)
		defer func() {
			if p := recover(); p != nil && p != "no" {
				panic(p)
			}
			s.run(c)
		}()
		c.Next()
	}
	e := gin.New()
	e.Use(func(c *gin.Context) {
		s := <-calls
		c.Set("call", s)
		defer func() {
			_ = recover() // what the server would log
			s.result <- s.notes.String()
		}()
		c.Next()
	})
	e.GET("/plain", after, handler)
	for i := range limits {
		withheld := auditgin.Intent(tracker, audit.Event{Action: "payout.send", Actor: audit.User("alice")}, auditgin.WithheldAnswer(), auditgin.WithheldLimit(limits[i]))
		e.GET(fmt.Sprint("/intent/", i), after, withheld, handler)
		e.GET(fmt.Sprint("/both/", i), auditgin.Middleware(), after, withheld, handler)
	}
	server := httptest.NewUnstartedServer(e)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	f.Cleanup(func() {
		server.Close()
		assert.NoError(f, provider.Shutdown(context.Background()))
	})
	var mu sync.Mutex
	f.Fuzz(func(t *testing.T, script []byte, limit uint16) {
		if len(script) > 40 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		serve := func(path string) (answer, notes string) {
			s := &scriptCall{script: script, notes: &strings.Builder{}, result: make(chan string, 1)}
			calls <- s
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
			_, err = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
			require.NoError(t, err)
			b, err := io.ReadAll(conn)
			require.NoError(t, err)
			lines := strings.Split(string(b), "\r\n")
			for i, line := range lines {
				if strings.HasPrefix(line, "Date: ") {
					lines[i] = "Date:"
				}
			}
			return strings.Join(lines, "\r\n"), <-s.result
		}
		answer, notes := serve("/plain")
		for _, path := range []string{"/intent/", "/both/"} {
			withheldAnswer, withheldNotes := serve(path + fmt.Sprint(int(limit)%len(limits)))
			assert.Equal(t, answer, withheldAnswer, path)
			assert.Equal(t, notes, withheldNotes, path)
		}
	})
}

// limits are those of the routes of the fuzz test.
var limits = []int{1, 17, 40, 600, 3000, 20_000, 1 << 20}

// scriptCall is one request of the fuzz test.
type scriptCall struct {
	script []byte
	at     int
	over   bool // the connection was hijacked
	notes  *strings.Builder
	result chan string
}

func callOf(c *gin.Context) *scriptCall {
	s, _ := c.MustGet("call").(*scriptCall)
	return s
}

// run does what the script says, pairs of a method and an argument, and notes what it sees. It
// returns at the end of the script, or where the next handler continues; true says by a panic.
func (s *scriptCall) run(c *gin.Context) (panics bool) {
	defer s.note(c)
	for ; s.at+1 < len(s.script) && !s.over; s.at += 2 {
		arg := int(s.script[s.at+1])
		text := strings.Repeat(string(rune('a'+s.at%26)), arg*arg/4)
		w := c.Writer
		switch s.script[s.at] % 13 {
		case 0:
			w.WriteHeader([]int{200, 201, 103, 204, 304, 500, 404, 1000, 0, 101}[arg%10])
		case 1:
			n, err := w.Write([]byte(text))
			fmt.Fprintln(s.notes, n, err)
		case 2:
			n, err := w.WriteString(text)
			fmt.Fprintln(s.notes, n, err)
		case 3:
			n, err := io.Copy(w, io.LimitReader(strings.NewReader(text), 1<<20))
			fmt.Fprintln(s.notes, n, err)
		case 4:
			c.Header(fmt.Sprint("X-", arg%3), text[:min(len(text), 5)])
		case 5:
			w.Header().Del(fmt.Sprint("X-", arg%3))
		case 6:
			fmt.Fprintln(s.notes, http.NewResponseController(w).Flush())
		case 7:
			c.Header("Content-Length", fmt.Sprint(arg*arg/4))
		case 8:
			c.Header("Trailer", fmt.Sprint("X-", arg%3))
		case 9:
			w.WriteHeaderNow()
		case 10:
			conn, _, err := w.Hijack()
			fmt.Fprintf(s.notes, "%T %v\n", err, err)
			if err == nil {
				_, _ = io.WriteString(conn, text)
				_ = conn.Close()
				s.over = true
			}
		case 11, 12:
			s.at += 2
			return s.script[s.at-2]%13 == 12
		}
		s.note(c)
	}
	return false
}

// note notes what the writer says of itself.
func (s *scriptCall) note(c *gin.Context) {
	fmt.Fprintln(s.notes, c.Writer.Status(), c.Writer.Size(), c.Writer.Written())
}

// trail is an exporter that keeps nothing.
type trail struct{}

func (*trail) Name() string { return "trail" }

func (*trail) Export(context.Context, []*record.Record) error { return nil }

func (*trail) Shutdown(context.Context) error { return nil }
