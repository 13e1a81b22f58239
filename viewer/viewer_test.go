package viewer_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/viewer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// event returns the n-th record, an hour after the one before.
func event(n int, change func(*record.Record)) *record.Record {
	r := &record.Record{Event: audit.Event{
		ID: audit.ID{6: 0x70, 8: 0x80, 14: byte(n >> 8), 15: byte(n)}, Time: noon.Add(time.Duration(n-1000) * time.Hour), Action: "article.publish",
		Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess, Actor: audit.Actor{Type: audit.ActorUser, ID: "alice", Name: "Alice"},
		Target: audit.Target{Type: "article", ID: fmt.Sprint(n), Name: fmt.Sprintf("Hello %d", n)}, Tenant: "acme", Reason: "editorial approval",
	}}
	r.Metadata = []attribute.KeyValue{semconv.ClientAddressKey.String("10.0.0.1")}
	if change != nil {
		change(r)
	}
	return r
}

func everything(*http.Request) (audit.Actor, viewer.View, error) {
	return audit.User("auditor"), viewer.View{All: true}, nil
}

// newViewer returns a viewer of records for a view.
func newViewer(t *testing.T, view viewer.View, records []*record.Record, opts ...viewer.Option) http.Handler {
	t.Helper()
	return newViewerOf(t, view, querytest.NewReader(records...), opts...)
}

// newViewerOf returns a viewer of a store for a view. It records no looks if it has no options.
func newViewerOf(t *testing.T, view viewer.View, reader query.Reader, opts ...viewer.Option) http.Handler {
	t.Helper()
	authorize := func(*http.Request) (audit.Actor, viewer.View, error) { return audit.User("auditor"), view, nil }
	opts = append([]viewer.Option{viewer.Authorize(authorize), viewer.WithClock(func() time.Time { return noon }), viewer.WithCountBudget(time.Minute)}, opts...)
	if len(opts) == 3 {
		opts = append(opts, viewer.WithoutRecording())
	}
	handler, err := viewer.New(reader, opts...)
	require.NoError(t, err)
	return handler
}

// get returns the answer to a request, with headers of alternating names and values.
func get(t *testing.T, handler http.Handler, address string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, req)
	return answer
}

var tags = regexp.MustCompile(`(?s)<script.*?</script>|<dialog.*?</dialog>|<[^>]*>`)

// textOf returns the text of a page, with single spaces.
func textOf(answer *httptest.ResponseRecorder) string {
	return html.UnescapeString(strings.Join(strings.Fields(tags.ReplaceAllString(answer.Body.String(), " ")), " "))
}

func TestNewNeedsADecision(t *testing.T) {
	t.Parallel()
	reader := querytest.NewReader()
	for _, tt := range []struct {
		want string
		opts []viewer.Option
	}{
		{"Authorize is missing", []viewer.Option{viewer.WithoutRecording()}},
		{"WithTracker to record", []viewer.Option{viewer.Authorize(everything)}},
		{"not both", []viewer.Option{viewer.Authorize(everything), viewer.WithoutRecording(), viewer.WithTracker(audittest.NewRecorder(t).Tracker("x"))}},
		{"tracker is nil", []viewer.Option{viewer.Authorize(everything), viewer.WithTracker(nil)}},
		{"WithTraceURL", []viewer.Option{viewer.Authorize(everything), viewer.WithoutRecording(), viewer.WithTraceURL("javascript:{trace_id}")}},
		{"{nobody", []viewer.Option{viewer.Authorize(everything), viewer.WithoutRecording(), viewer.WithLanguage(viewer.Language{Tag: "en", Sentences: map[string]viewer.Sentence{"a": {Success: "{nobody}"}}})}},
	} {
		_, err := viewer.New(reader, tt.opts...)
		assert.ErrorContains(t, err, tt.want)
	}
	_, err := viewer.New(nil, viewer.Authorize(everything), viewer.WithoutRecording())
	assert.ErrorContains(t, err, "reader is nil")
}

// TestFrames: no page may show the viewer in a frame, unless its origin is named.
func TestFrames(t *testing.T) {
	t.Parallel()
	frame := []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}
	closed := newViewer(t, viewer.View{All: true}, []*record.Record{event(1, nil)})
	header := get(t, closed, "/").Header()
	assert.Contains(t, header.Get("Content-Security-Policy"), "frame-ancestors 'none';")
	assert.Equal(t, "DENY", header.Get("X-Frame-Options"))
	assert.NotContains(t, textOf(get(t, closed, "/", frame...)), "Open the trail")

	open := newViewer(t, viewer.View{All: true}, []*record.Record{event(1, nil)}, viewer.WithoutRecording(), viewer.WithFrameAncestors("https://app.example.com", "http://localhost:8080"))
	header = get(t, open, "/", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "iframe").Header()
	assert.Contains(t, header.Get("Content-Security-Policy"), "frame-ancestors https://app.example.com http://localhost:8080;")
	assert.Empty(t, header.Get("X-Frame-Options"))
	answer := get(t, open, "/", frame...)
	assert.Equal(t, http.StatusForbidden, answer.Code)
	assert.Contains(t, textOf(answer), "Open the trail")
	assert.NotContains(t, textOf(answer), "Hello 1", "another origin caused it")

	for _, bad := range []string{
		"", "*", "'self'", "https://*.example.com", "https:", "https://", "app.example.com", "http://app.example.com", "https://app.example.com/", "https://app.example.com; script-src *",
		"https://app.example.com 'unsafe-inline'", "https://App.example.com", "https://app.example.com:443", "https://app.example.com:", "https://app.example.com:0", "https://app.example.com:70000",
		"https://u@app.example.com", "https://app.example.com?", "https://app.example.com#", "data://x", "https://a,b", "https://a\nb",
	} {
		_, err := viewer.New(querytest.NewReader(), viewer.Authorize(everything), viewer.WithoutRecording(), viewer.WithFrameAncestors("https://app.example.com", bad))
		assert.ErrorContains(t, err, "is not an origin", bad)
	}
}

// TestAuthorize: without permission nothing is shown, the text of the error neither.
func TestAuthorize(t *testing.T) {
	t.Parallel()
	for _, authorize := range []viewer.AuthorizeFunc{
		func(*http.Request) (audit.Actor, viewer.View, error) {
			return audit.User("x"), viewer.View{All: true}, errors.New("session 4711 ended")
		},
		func(*http.Request) (audit.Actor, viewer.View, error) {
			return audit.Actor{}, viewer.View{All: true}, nil
		},
		func(*http.Request) (audit.Actor, viewer.View, error) { return audit.User("x"), viewer.View{}, nil },
		func(*http.Request) (audit.Actor, viewer.View, error) {
			return audit.User("x"), viewer.View{All: true, Within: query.Filter{Limit: 1}}, nil
		},
	} {
		recorder, reported := audittest.NewRecorder(t), 0
		handler, err := viewer.New(querytest.NewReader(event(1, nil)), viewer.Authorize(authorize), viewer.WithTracker(recorder.Tracker("x")),
			viewer.WithErrorHandler(func(context.Context, error) { reported++ }))
		require.NoError(t, err)
		for _, page := range []string{"/", "/record?id=" + event(1, nil).ID.String()} {
			answer := get(t, handler, page)
			assert.Equal(t, http.StatusForbidden, answer.Code)
			assert.NotContains(t, answer.Body.String(), "4711")
			assert.NotContains(t, answer.Body.String(), "Hello")
		}
		assert.Equal(t, 2, reported)
		assert.Empty(t, recorder.Records())
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{
		event(999, nil),
		event(998, func(r *record.Record) { r.Outcome, r.Failure = audit.OutcomeDenied, "no editor" }),
		event(970, func(r *record.Record) {
			r.Action, r.Bulk = "article.delete", audit.Bulk{Selector: "old", Affected: 1204}
		}),
	})
	text := textOf(get(t, handler, "/"))
	for _, want := range []string{
		"Today · Thursday, 26 November 2026", "Yesterday · Wednesday, 25 November 2026",
		"Alice published article Hello 999", "editorial approval", "10.0.0.1", "11:00:00",
		"Alice was not allowed to publish article Hello 998 Denied no editor", "Alice deleted 1,204 articles",
	} {
		assert.Contains(t, text, want)
	}
	text = textOf(get(t, handler, "/?outcome=denied&zone=Asia/Tokyo"))
	assert.NotContains(t, text, "Hello 999")
	assert.Contains(t, text, "Hello 998")
	assert.Contains(t, text, "19:00:00")
	assert.Contains(t, textOf(get(t, handler, "/?text=nowhere")), "No record matches this filter. Remove a condition.")
	assert.Contains(t, textOf(get(t, handler, "/?text=nowhere&since=7d")), "or choose a longer time.")
	assert.Contains(t, textOf(get(t, handler, "/?since=today&until=yesterday")), "The time of this filter ends before it begins.")
	assert.Contains(t, textOf(get(t, newViewer(t, viewer.View{All: true}, nil), "/")), "There are no records yet")
	text = textOf(get(t, handler, "/?on=2026-11-25T07&since=7d")) // both hold
	assert.Contains(t, text, "No record matches this filter.")
}

// TestZoneOfThisMachine: the form for the zone has the name of the default, which it then accepts.
func TestZoneOfThisMachine(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{event(1, nil)}, viewer.WithZone(time.Local), viewer.WithoutRecording())
	body := get(t, handler, "/").Body.String()
	require.Contains(t, body, `value="`+time.Local.String()+`"`)
	assert.Equal(t, http.StatusOK, get(t, handler, "/?zone="+url.QueryEscape(time.Local.String())).Code)
}

// TestBadAddresses: an address that is half understood shows nothing, and says why.
func TestBadAddresses(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{event(1, nil)})
	for address, want := range map[string]string{
		"/?since=whenever":    "Since: write a duration",
		"/?utm_source=x":      "utm_source: it is not a condition",
		"/?text=a&text=b":     "Words: give it once",
		"/?outcome=ok":        "is none of",
		"/?after=x":           "There is no such page of the list",
		"/?zone=Nowhere":      "no such time zone",
		"/?zone=local":        "no such time zone",
		"/?not=x":             "NAME=VALUE",
		"/?text=%zz":          "This address is damaged",
		"/?actor=user/":       "the ID is missing",
		"/?action=INVOICE!":   "no action can match",
		"/nothing":            "There is no such page",
		"/record?id=x":        "There is no such record",
		"/record":             "There is no such record",
		"/assets/viewer.css":  "404",
		"/assets/../x":        "404",
		"/record?id=" + id(7): "There is no such record",
	} {
		answer := get(t, handler, address)
		assert.GreaterOrEqual(t, answer.Code, 400, address)
		assert.Contains(t, textOf(answer), want, address)
		assert.NotContains(t, answer.Body.String(), "Hello", address)
	}
	// A page leads to what remains without the condition that is wrong.
	for address, want := range map[string]string{
		"/?since=whenever&actor=user/alice": "./?actor=user%2Falice", "/?after=x&actor=user/alice": "./?actor=user%2Falice",
		"/?since=2026-11-20&until=2026-11-10&actor=user/alice": "./?actor=user%2Falice", "/security?since=x&zone=Nowhere": "./security", "/actor?actor=user/a&zone=Nowhere": "./",
	} {
		body := get(t, handler, address).Body.String()
		assert.Contains(t, hrefs(t, body, "href"), want, address)
		assert.NotContains(t, body, "zone=", address)
	}
	home := hrefs(t, get(t, handler, "/nothing?zone=Asia/Tokyo").Body.String(), `class="(?:brand|button)"`)
	assert.Equal(t, []string{"./?zone=Asia%2FTokyo", "./?zone=Asia%2FTokyo"}, home, "the time zone is kept")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, answer.Code)
}

func id(n int) string { return event(n, nil).ID.String() }

// hrefs are the addresses of links with an attribute.
func hrefs(t *testing.T, body, attribute string) []string {
	t.Helper()
	var found []string
	for _, match := range regexp.MustCompile(`<a[^>]*`+attribute+`[^>]*>`).FindAllString(body, -1) {
		href := regexp.MustCompile(`href="([^"]*)"`).FindStringSubmatch(match)
		require.NotNil(t, href)
		found = append(found, strings.ReplaceAll(href[1], "&amp;", "&"))
	}
	return found
}

// TestPages walks all pages: each record is on one, also those with the same time and ID.
func TestPages(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for n := range 180 {
		records = append(records, event(n, nil))
	}
	for n := range 3 { // different records with one ID, at the end of the first page
		records = append(records, event(130, func(r *record.Record) { r.Reason = fmt.Sprint("forged ", n) }))
	}
	mux := http.NewServeMux()
	mux.Handle("/audit/", http.StripPrefix("/audit", newViewer(t, viewer.View{All: true}, records)))
	seen := map[string]int{}
	address, pages := "/audit/?action=article.*", 0
	for address != "" {
		answer := get(t, mux, address)
		require.Equal(t, http.StatusOK, answer.Code)
		for _, href := range hrefs(t, answer.Body.String(), `class="open"`) {
			seen[href]++
		}
		pages++
		base, err := url.Parse(address)
		require.NoError(t, err)
		address = ""
		if older := hrefs(t, answer.Body.String(), "data-older"); len(older) > 0 {
			next, err := base.Parse(older[0])
			require.NoError(t, err)
			address = next.String()
		}
	}
	assert.Equal(t, 4, pages)
	assert.Len(t, seen, 180)
	for href, n := range seen {
		if strings.Contains(href, id(130)) {
			assert.Equal(t, 4, n)
		} else {
			assert.Equal(t, 1, n, href)
		}
	}
	assert.Contains(t, textOf(get(t, mux, "/audit/record?id="+id(130))), "Several different records have this ID")
}

// TestManyTwins: records that are forged with one ID and time don't end the list.
func TestManyTwins(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for n := range 100 {
		records = append(records, event(60, func(r *record.Record) { r.Reason = fmt.Sprint("forged ", n) }), event(n%60, nil))
	}
	handler := newViewer(t, viewer.View{All: true}, records)
	older := hrefs(t, get(t, handler, "/").Body.String(), "data-older")
	require.Len(t, older, 1)
	assert.Contains(t, textOf(get(t, handler, strings.TrimPrefix(older[0], "."))), "Hello 59")
}

// TestMounts: the handler works under any prefix, and a prefix without a slash leads to it.
func TestMounts(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{event(1, nil)})
	for _, mount := range []http.Handler{http.StripPrefix("/a/b", handler), http.StripPrefix("/a/b/", handler)} {
		answer := get(t, mount, "/a/b/")
		require.Equal(t, http.StatusOK, answer.Code)
		for _, match := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(answer.Body.String(), -1) {
			base, err := url.Parse("/a/b/")
			require.NoError(t, err)
			link, err := base.Parse(strings.ReplaceAll(match[1], "&amp;", "&"))
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(link.Path, "/a/b/") || match[1] == "#main", match[1])
		}
	}
	answer := get(t, http.StripPrefix("/a/b", handler), "/a/b?outcome=denied")
	assert.Equal(t, http.StatusPermanentRedirect, answer.Code)
	assert.Equal(t, "./b/?outcome=denied", answer.Header().Get("Location"))
}

// TestAssets: the files of a page have names with their hash, and are kept.
func TestAssets(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, nil)
	found := regexp.MustCompile(`"(assets/[a-z]+\.[0-9a-f]{12}\.(?:css|js|svg))"`).FindAllStringSubmatch(get(t, handler, "/").Body.String(), -1)
	require.GreaterOrEqual(t, len(found), 3)
	for _, match := range found {
		answer := get(t, handler, "/"+match[1])
		assert.Equal(t, http.StatusOK, answer.Code)
		assert.Contains(t, answer.Header().Get("Cache-Control"), "immutable")
		assert.NotEmpty(t, answer.Body.String())
		assert.Equal(t, "nosniff", answer.Header().Get("X-Content-Type-Options"))
	}
}

// TestHeaders: no code may run that the handler does not serve, and no cookie is set.
func TestHeaders(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{event(1, nil)})
	for _, page := range []string{"/", "/record?id=" + id(1), "/nothing", "/?since=x"} {
		answer := get(t, handler, page)
		h := answer.Header()
		assert.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';")
		assert.Contains(t, h.Get("Content-Security-Policy"), "frame-ancestors 'none'")
		assert.NotContains(t, h.Get("Content-Security-Policy"), "unsafe")
		assert.Equal(t, "no-store", h.Get("Cache-Control"))
		assert.Empty(t, h.Values("Set-Cookie"))
		assert.NotRegexp(t, `(?i)\son[a-z]+=|\sstyle=|<style|<script(?: defer)?>|javascript:`, answer.Body.String())
	}
}

// TestOtherSites: what another site causes is neither served nor recorded.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	recorder, asked := audittest.NewRecorder(t), 0
	authorize := func(*http.Request) (audit.Actor, viewer.View, error) {
		asked++
		return audit.User("auditor"), viewer.View{All: true}, nil
	}
	handler, err := viewer.New(querytest.NewReader(event(1, nil)), viewer.Authorize(authorize), viewer.WithTracker(recorder.Tracker("x")))
	require.NoError(t, err)
	for _, site := range []string{"cross-site", "same-site", "anything"} {
		answer := get(t, handler, "/?text=hello", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image")
		assert.Equal(t, http.StatusForbidden, answer.Code)
		assert.NotContains(t, answer.Body.String(), "Hello")

		answer = get(t, handler, "/?text=hello&actor=user%2Falice", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
		assert.Equal(t, http.StatusForbidden, answer.Code)
		assert.NotContains(t, answer.Body.String(), "Hello")
		assert.Contains(t, hrefs(t, answer.Body.String(), "button"), "./?text=hello&actor=user%2Falice")
	}
	assert.Zero(t, asked)
	assert.Empty(t, recorder.Records())
	for _, site := range []string{"same-origin", "none"} {
		assert.Equal(t, http.StatusOK, get(t, handler, "/", "Sec-Fetch-Site", site).Code)
	}
	assert.Len(t, recorder.Records(), 2)
}

// TestOtherSitesWithoutFetchMetadata: where browsers send no Sec-Fetch-Site, the host of the page
// decides. A request of no page is served.
func TestOtherSitesWithoutFetchMetadata(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{event(1, nil)}, viewer.WithTracker(recorder.Tracker("x")))
	const address = "http://audit.example.com:8080/?text=hello"
	for _, headers := range [][]string{
		{"Origin", "http://evil.example"},
		{"Origin", "null"},
		{"Referer", "http://evil.example/audit.example.com:8080"},
		{"Referer", "http://audit.example.com/"},
		{"Referer", "http://audit.example.com:8080.evil.example/"},
		{"Referer", "http://audit.example.com:8080@evil.example/"},
		{"Referer", "about:blank"},
		{"Referer", "%"},
		{"Origin", "http://evil.example", "Referer", "http://audit.example.com:8080/"},
	} {
		answer := get(t, handler, address, headers...)
		assert.Equal(t, http.StatusForbidden, answer.Code, headers)
		assert.NotContains(t, answer.Body.String(), "Hello", headers)
		assert.Contains(t, hrefs(t, answer.Body.String(), "button"), "./?text=hello", headers)
	}
	assert.Empty(t, recorder.Records())
	for _, headers := range [][]string{
		nil,
		{"Origin", "http://audit.example.com:8080"},
		{"Referer", "http://AUDIT.example.com:8080/?zone=utc"},
		{"Sec-Fetch-Site", "none", "Referer", "http://evil.example/"}, // what the browser says counts
	} {
		assert.Equal(t, http.StatusOK, get(t, handler, address, headers...).Code, headers)
	}
	assert.Len(t, recorder.Records(), 4)
	assert.Equal(t, "Sec-Fetch-Site, Origin, Referer", get(t, handler, address).Header().Get("Vary"))
}

// TestLooksAreRecorded: each page is, before it is shown, and not shown if it cannot be.
func TestLooksAreRecorded(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	handler := newViewer(t, viewer.View{Within: query.Filter{Tenants: []string{"acme"}}}, []*record.Record{event(1, nil)},
		viewer.WithTracker(recorder.Tracker("x")), viewer.WithSources("audit-ledger"))
	get(t, handler, "/?actor=user/alice")
	get(t, handler, "/record?id="+id(1))
	records := recorder.Records()
	require.Len(t, records, 2)
	for n, want := range []string{`{"actors":[{"id":"alice","type":"user"}],"not":[{"actions":["audit.trail.read"]}]}`, `{"ids":["` + id(1) + `"]}`} {
		r := records[n]
		assert.Equal(t, semconv.ActionTrailRead, r.Action)
		assert.Equal(t, "auditor", r.Actor.ID)
		assert.Equal(t, "acme", r.Tenant)
		assert.Equal(t, "audit-ledger", r.Target.ID)
		assert.Contains(t, r.Metadata, semconv.TrailFilterKey.String(want))
	}

	// The timeline leaves out who looked, and says so.
	looks := newViewer(t, viewer.View{All: true}, append(records, event(999, nil)), viewer.WithTracker(recorder.Tracker("x")))
	answer := get(t, looks, "/?since=900d")
	assert.NotContains(t, textOf(answer), "looked at the trail audit.trail.read")
	assert.Contains(t, hrefs(t, answer.Body.String(), "looks"), "./?looks=shown&since=900d")
	assert.Contains(t, textOf(get(t, looks, "/?since=900d&looks=shown")), "auditor looked at the trail")

	failing, err := viewer.New(querytest.NewReader(event(1, nil)), viewer.Authorize(everything), viewer.WithTracker(failingTracker{recorder.Tracker("x")}),
		viewer.WithErrorHandler(func(context.Context, error) {}))
	require.NoError(t, err)
	answer = get(t, failing, "/")
	assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
	assert.Contains(t, textOf(answer), "Your visit could not be recorded")
	assert.NotContains(t, answer.Body.String(), "Hello")
}

type failingTracker struct{ audit.Tracker }

func (failingTracker) Track(context.Context, audit.Event) error {
	return errors.New("the disk is full")
}
