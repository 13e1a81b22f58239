package viewer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/viewer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

func text(s string) attribute.Value { return attribute.StringValue(s) }

// life are the records of one article.
func life() []*record.Record {
	article := audit.Target{Type: "article", ID: "7", Name: "Hello"}
	step := func(n int, operation audit.Operation, changes ...audit.Change) *record.Record {
		return event(n, func(r *record.Record) {
			r.Target, r.Operation, r.Changes, r.Action = article, operation, changes, "article."+operation.String()
		})
	}
	return []*record.Record{
		step(900, audit.OperationCreate, audit.Change{Field: "title", New: text("Old")}, audit.Change{Field: "state", New: text("draft")}),
		step(901, audit.OperationRead),
		step(902, audit.OperationUpdate, audit.Change{Field: "title", Old: text("Old"), New: text("New")}),
		step(903, audit.OperationUpdate, audit.Change{Field: "title", Old: text("Forged"), New: text("Newer")}),
	}
}

// midnights are records of an article in the last and the first nanosecond of days, in UTC and in a
// zone of which one day has no midnight.
func midnights(t *testing.T) []*record.Record {
	t.Helper()
	var records []*record.Record
	for n, at := range []struct{ time, text string }{
		{"2026-03-08T04:59:59.999999999Z", "last of 7"},
		{"2026-03-08T05:00:00Z", "first of 8"},
		{"2026-11-20T23:59:59.999999999Z", "last of 20"},
		{"2026-11-21T00:00:00Z", "first of 21"},
	} {
		records = append(records, event(n, func(r *record.Record) {
			var err error
			r.Time, err = time.Parse(time.RFC3339Nano, at.time)
			require.NoError(t, err)
			r.Target.ID, r.Changes = "7", []audit.Change{{Field: "n", New: text(at.text)}}
		}))
	}
	return records
}

func TestObject(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, life())
	page := textOf(get(t, handler, "/object?type=article&id=7"))
	for _, want := range []string{
		"Hello 7", "Version 1 created Alice", "Version 4 changed Alice", "It exists.", "title Newer",
		"It was New before, and no record says who changed that.", "Alice viewed article Hello",
	} {
		assert.Contains(t, page, want)
	}
	assert.Contains(t, page, "This follows from the object's records, which you can export")
	then := textOf(get(t, handler, "/object?type=article&id=7&asof=2026-11-22T10:30"))
	assert.Contains(t, then, "It existed.")
	assert.Regexp(t, `As of Sunday, 22 November 2026, 10:30:00.* title New `, then)
	assert.Contains(t, textOf(get(t, handler, "/object?type=article&id=8")), "Nothing is known of this object")
	assert.Contains(t, textOf(get(t, handler, "/object?type=article")), "Which object?")
	assert.Contains(t, textOf(get(t, handler, "/object?type=article&id=7&asof=soon")), "As of: write a duration")

	const part = "This page uses only some of the object's records."
	assert.NotContains(t, page, part)
	answer := get(t, handler, "/object?type=article&id=7&outcome=success")
	assert.Contains(t, textOf(answer), "Outcome success × Clear all "+part)
	assert.Contains(t, hrefs(t, answer.Body.String(), `class="clear"`), "./object?id=7&type=article")
	narrow := newViewer(t, viewer.View{Within: query.Filter{Actions: []string{"article.update"}}}, life())
	assert.Contains(t, textOf(get(t, narrow, "/object?type=article&id=7")), part)

	other := life()[0]
	other.Tenant, other.ID = "globex", audit.ID{1, 6: 0x70, 8: 0x80}
	mixed := newViewer(t, viewer.View{All: true}, append(life(), other))
	answer = get(t, mixed, "/object?type=article&id=7")
	assert.Contains(t, textOf(answer), "Several tenants have this object")
	links := hrefs(t, answer.Body.String(), `class="button"`)
	assert.Equal(t, []string{"./object?id=7&tenant=acme&type=article", "./object?id=7&tenant=globex&type=article", "./?target=article%2F7", "./"}, links)
	answer = get(t, mixed, strings.TrimPrefix(links[0], "."))
	assert.Contains(t, textOf(answer), "Version 4")
	assert.Contains(t, hrefs(t, answer.Body.String(), "nofollow"), "./export?format=csv&target=article%2F7&tenant=acme", "the export has no other tenant")

	// Only tenants with records of the filter are listed, and it says so if not all could be.
	denied := life()[1]
	denied.Tenant, denied.Outcome, denied.ID = "initech", audit.OutcomeDenied, audit.ID{2, 6: 0x70, 8: 0x80}
	three := querytest.NewReader(append(life(), other, denied)...)
	answer = get(t, newViewerOf(t, viewer.View{All: true}, three), "/object?type=article&id=7&outcome=success")
	assert.NotContains(t, answer.Body.String(), "initech")
	assert.NotContains(t, textOf(answer), "Not all tenants are listed")
	answer = get(t, newBroken(t, broken{Reader: three}), "/object?type=article&id=7")
	assert.Contains(t, textOf(answer), "initech")
	assert.Contains(t, textOf(answer), "Not all tenants are listed")

	// A link from a record leads to the object of its tenant. Records without a tenant belong to
	// it, unless another tenant has such an object.
	here := strings.TrimPrefix(hrefs(t, get(t, mixed, "/?tenant=acme").Body.String(), `class="target"`)[0], ".")
	answer = get(t, mixed, here)
	assert.Contains(t, textOf(answer), "Hello 7 Tenant acme. Other tenants have an object with this ID")
	assert.Contains(t, textOf(answer), "Version 4")
	assert.Contains(t, hrefs(t, answer.Body.String(), "href"), "./?target=article%2F7&tenant=acme")
	nightly := life()
	nightly[2].Tenant = ""
	page = textOf(get(t, newViewer(t, viewer.View{All: true}, nightly), here))
	assert.NotContains(t, page, "Other tenants")
	assert.Contains(t, page, "Version 3 changed")
	customer := newViewer(t, viewer.View{Within: query.Filter{Tenants: []string{"globex"}}}, append(life(), other))
	assert.NotContains(t, textOf(get(t, customer, "/object?type=article&id=7")), "Newer")
}

// TestObjectAsOf: a day, month or year means its last instant in the zone of the page, and the page
// says so in words.
func TestObjectAsOf(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, midnights(t))
	for asof, want := range map[string][2]string{
		"2026-11-20":                           {"As of the end of Friday, 20 November 2026 (UTC)", "n last of 20"},
		"2026-11-21T00:00":                     {"As of Saturday, 21 November 2026, 00:00:00.000 UTC", "n first of 21"},
		"2026-11-20&zone=America/Havana":       {"As of the end of Friday, 20 November 2026 (America/Havana)", "n first of 21"},
		"2026-03-07&zone=America/Havana":       {"As of the end of Saturday, 7 March 2026 (America/Havana)", "n last of 7"},
		"2026-03&zone=America/Havana":          {"As of the end of March 2026 (America/Havana)", "n first of 8"},
		"2026":                                 {"As of the end of 2026 (UTC)", "That time has not come yet. This is the newest state."},
		"2026-11-20T23:59:59.9999999999-05:00": {"As of Saturday, 21 November 2026, 04:59:59.999 UTC", "n first of 21"},
		"today":                                {"As of the end of", "That time has not come yet."},
	} {
		page := textOf(get(t, handler, "/object?type=article&id=7&asof="+strings.Replace(asof, "/", "%2F", 1)))
		assert.Contains(t, page, want[0], asof)
		assert.Contains(t, page, want[1], asof)
	}
}

// TestManyVersions pages through the versions of an object.
func TestManyVersions(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for n := range 12 {
		records = append(records, event(n, func(r *record.Record) {
			r.Target.ID, r.Changes = "7", []audit.Change{{Field: "n", Old: attribute.Int64Value(int64(n)), New: attribute.Int64Value(int64(n + 1))}}
		}))
	}
	handler := newViewer(t, viewer.View{All: true}, records)
	seen, address := map[string]bool{}, "/object?type=article&id=7"
	for address != "" {
		answer := get(t, handler, address)
		page := textOf(answer)
		for n := 1; n <= 12; n++ {
			if strings.Contains(page, fmt.Sprintf("Version %d changed", n)) {
				seen[fmt.Sprint(n)] = true
			}
		}
		address = ""
		for _, href := range hrefs(t, answer.Body.String(), `class="button quiet"`) {
			if strings.Contains(href, "before=") && strings.Contains(answer.Body.String(), "← Earlier versions") {
				address = strings.TrimPrefix(href, ".")
				break
			}
		}
	}
	assert.Len(t, seen, 12)
}

// TestTooManyVersions: of an object with very many versions the page has the newest, and says so.
func TestTooManyVersions(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for n := range 2100 {
		records = append(records, event(n, func(r *record.Record) {
			r.Target.ID, r.Changes = "7", []audit.Change{{Field: "n", Old: attribute.Int64Value(int64(n)), New: attribute.Int64Value(int64(n + 1))}}
		}))
	}
	handler := newViewer(t, viewer.View{All: true}, records)
	page := textOf(get(t, handler, "/object?type=article&id=7"))
	assert.Contains(t, page, "Version 2100 changed")
	assert.Contains(t, page, "2,000 older records are in the timeline.")
	assert.NotContains(t, page, "The page has the newest")
	oldest := textOf(get(t, handler, "/object?type=article&id=7&before=1106"))
	for n := 1101; n <= 1105; n++ {
		assert.Contains(t, oldest, fmt.Sprintf("Version %d changed", n))
	}
	assert.Contains(t, oldest, "The page has the newest 1,000 versions.")
	assert.NotContains(t, oldest, "Earlier versions")
}

func TestRecord(t *testing.T) {
	t.Parallel()
	begin := event(10, func(r *record.Record) { r.Attempt, r.Outcome, r.Action = r.ID, audit.OutcomeUnknown, "payout.send" })
	r := event(11, func(r *record.Record) {
		r.Attempt, r.Action = begin.ID, "payout.send"
		r.Changes = []audit.Change{
			{Field: "title", Old: text("Hello"), New: text("Hello, world")},
			{Field: "body", Old: text("first\nsecond\n" + strings.Repeat("long ", 30)), New: text("first\nchanged\n" + strings.Repeat("long ", 30))},
			{Field: "token", Old: text(record.RedactedText), New: text(record.RedactedText), Redacted: true},
			{Field: "note", New: text("")},
		}
		r.Redacted = []string{"changes.token"}
		r.AddMark(mark.Mark{Path: "reason", Kind: mark.Cut, Length: 71680, SHA256: sha256.Sum256([]byte("x"))})
		r.TraceID = trace.TraceID{1}
		r.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: "bob"}
		r.Metadata = append(r.Metadata, semconv.HTTPRequestMethodKey.String("POST"), semconv.HTTPRouteKey.String("/payouts/:id"))
	})
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{begin, r}, viewer.WithoutRecording(), viewer.WithTraceURL("https://traces.example.com/{trace_id}"))
	answer := get(t, handler, "/record?id="+r.ID.String())
	page, body := textOf(answer), answer.Body.String()
	for _, want := range []string{
		"Alice for bob sent article Hello 11", "Reason editorial approval", "POST /payouts/:id", "On behalf of bob",
		"changes.token It was masked or removed", "reason The text was too long: the rest was cut off 71,680 bytes in all, SHA-256",
		"The attempt", "began to send", "deed prove makes one", "empty text", "redacted",
	} {
		assert.Contains(t, page, want)
	}
	assert.Contains(t, body, `Hello<ins>, world</ins>`)
	assert.Contains(t, body, `<del>second</del>`)
	assert.Contains(t, body, `https://traces.example.com/01000000000000000000000000000000`)
	assert.Contains(t, textOf(get(t, handler, "/record?id="+begin.ID.String())), "The attempt")
	assert.Contains(t, hrefs(t, body, "nofollow"), "./export?format=report&id="+r.ID.String())
	open := newViewer(t, viewer.View{All: true}, []*record.Record{begin})
	assert.Contains(t, textOf(get(t, open, "/record?id="+begin.ID.String())), "It has not ended yet")
	customer := newViewer(t, viewer.View{Within: query.Filter{Tenants: []string{"acme"}}}, []*record.Record{begin})
	page = textOf(get(t, customer, "/record?id="+begin.ID.String()))
	assert.Contains(t, page, "Its end is not among the records that you may see.")
	assert.NotContains(t, page, "nobody knows")

	// Who closes an attempt after a crash has not done what was attempted.
	end := event(12, func(r *record.Record) {
		r.Attempt, r.Action, r.Outcome, r.Actor = begin.ID, "payout.send", audit.OutcomeUnknown, audit.Actor{Type: audit.ActorSystem, ID: sdk.RecoveryActor}
	})
	closed := newViewer(t, viewer.View{All: true}, []*record.Record{begin, end})
	page = textOf(get(t, closed, "/record?id="+end.ID.String()))
	assert.Contains(t, page, "audit-recovery closed an attempt that a crash interrupted: payout.send article Hello 12")
}

func TestActor(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for n := range 70 {
		records = append(records, event(930+n, nil))
	}
	handler := newViewer(t, viewer.View{All: true}, records)
	page := textOf(get(t, handler, "/actor?actor=user/alice"))
	for _, want := range []string{"Alice user/alice", "By weekday and hour 70 records since", "Tuesday 11:00: 1", "article.publish 70", "What others did on behalf of this actor"} {
		assert.Contains(t, page, want)
	}
	assert.Contains(t, textOf(get(t, handler, "/actor?actor=user/nobody")), "No record has this actor")

	// A filter is shown, and can be removed. It is not the actor who is missing.
	answer := get(t, handler, "/actor?actor=user/alice&outcome=denied")
	page = textOf(answer)
	assert.Contains(t, page, "Outcome denied × Clear all")
	assert.Contains(t, page, "No record matches this filter.")
	assert.NotContains(t, page, "No record has this actor")
	assert.Contains(t, hrefs(t, answer.Body.String(), `class="clear"`), "./actor?actor=user%2Falice")
	after := query.Position{Time: noon.AddDate(-1, 0, 0)}.Cursor()
	assert.Contains(t, textOf(get(t, handler, "/actor?actor=user/alice&after="+after)), "There are no older records.")
	for _, address := range []string{"/actor", "/actor?actor=user/", "/actor?actor=user/a&actor=user/b"} {
		assert.Contains(t, textOf(get(t, handler, address)), "Which actor?")
	}
}

func TestSecurity(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{
		event(990, func(r *record.Record) { r.Outcome, r.Failure = audit.OutcomeDenied, "no editor" }),
		event(991, func(r *record.Record) {
			r.Action, r.Operation, r.Outcome, r.Actor = "user.login", audit.OperationLogin, audit.OutcomeFailure, audit.Anonymous()
			r.Target = audit.Target{Type: "user", ID: "bob"}
		}),
		event(992, func(r *record.Record) { r.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: "carol"} }),
		event(500, func(r *record.Record) { r.Action = "audit.coverage.missing" }),
	})
	answer := get(t, handler, "/security")
	page := textOf(answer)
	for _, want := range []string{
		"Denied access 1 record", "no editor", "26 Nov 02:00", "Failed logins 1 record", "Somebody anonymous failed to log in as user bob",
		"Impersonation 1 record", "Alice for carol", "No such request was noticed.", "No event was rejected.",
	} {
		assert.Contains(t, page, want)
	}
	assert.Contains(t, hrefs(t, answer.Body.String(), "href"), "./?outcome=denied&since=7d")
	assert.Contains(t, get(t, handler, "/security?since=3d").Body.String(), `<option value="3d" selected>3d</option>`, "the time that was asked for")
	answer = get(t, handler, "/security?tenant=acme&since=3d")
	assert.Equal(t, http.StatusBadRequest, answer.Code, "it would show other tenants")
	assert.Contains(t, hrefs(t, answer.Body.String(), "href"), "./security?since=3d")
	answer = get(t, handler, "/security")
	assert.Contains(t, hrefs(t, answer.Body.String(), "href"), "./?on-behalf-of=%2A&since=7d")
	assert.Contains(t, textOf(get(t, handler, "/?on-behalf-of=*&count=all")), "1 record ")
	exports := hrefs(t, answer.Body.String(), "nofollow")
	require.Len(t, exports, 9, "three for each section that has records")
	for n, want := range []string{"outcome=denied", "operation=login&outcome=failure&outcome=denied", "on-behalf-of=%2A"} {
		export := exports[3*n+1]
		assert.Contains(t, strings.ReplaceAll(export, "format=jsonl&", ""), want)
		lines := get(t, handler, strings.TrimPrefix(export, ".")).Body.String()
		assert.Equal(t, 1, strings.Count(lines, "\n"), "%s: %s", export, lines)
	}
	assert.Contains(t, textOf(get(t, handler, "/security?since=30d")), "which recorded nothing")

	// The timeline has what a section counted: looks of somebody who is impersonated, too.
	look := event(999, func(r *record.Record) {
		r.Action, r.Actor.OnBehalfOf = semconv.ActionTrailRead, &audit.Actor{Type: audit.ActorUser, ID: "carol"}
	})
	recording := newViewer(t, viewer.View{All: true}, []*record.Record{look}, viewer.WithTracker(audittest.NewRecorder(t).Tracker("x")))
	answer = get(t, recording, "/security")
	assert.Contains(t, textOf(answer), "Impersonation 1 record")
	const all = "./?looks=shown&on-behalf-of=%2A&since=7d"
	require.Contains(t, hrefs(t, answer.Body.String(), "href"), all)
	assert.Contains(t, textOf(get(t, recording, strings.TrimPrefix(all, "."))), "Alice for carol looked at the trail")
}

func TestHealth(t *testing.T) {
	t.Parallel()
	health := viewer.WithHealth(func(context.Context) (viewer.Health, error) {
		return viewer.Health{Err: errors.New("exporter mongodb: timeout"), Records: 1204, LastScrub: noon.Add(-time.Hour), Exporters: []viewer.ExporterHealth{
			{Name: "mongodb", Undelivered: 3, Oldest: noon.Add(-10 * time.Minute), DeadLetters: 2},
		}}, nil
	})
	handler := newViewer(t, viewer.View{All: true}, nil, viewer.WithoutRecording(), health)
	page := textOf(get(t, handler, "/health"))
	never := viewer.WithHealth(func(context.Context) (viewer.Health, error) { return viewer.Health{Records: 1}, nil })
	assert.Contains(t, textOf(get(t, newViewer(t, viewer.View{All: true}, nil, viewer.WithoutRecording(), never), "/health")), "Last full check not known yet")
	for _, want := range []string{"exporter mongodb: timeout", "1,204", "1 hour ago", "mongodb 3 10 minutes ago Late 2 Dead letters"} {
		assert.Contains(t, page, want)
	}
	for want, h := range map[string]viewer.Health{
		"No problem is known.":       {Records: 1, LastScrub: noon, Exporters: []viewer.ExporterHealth{{Name: "a", Undelivered: 1, Oldest: noon}}},
		"Something needs attention:": {Records: 1, LastScrub: noon, Damaged: 1},
		"Damage 1 damaged part;":     {Damaged: 1},
		"Late":                       {Exporters: []viewer.ExporterHealth{{Name: "a", Undelivered: 1, Oldest: noon.Add(-time.Hour)}}},
		"Dead letters":               {Exporters: []viewer.ExporterHealth{{Name: "a", DeadLetters: 1}}},
	} {
		page := textOf(get(t, newViewer(t, viewer.View{All: true}, nil, viewer.WithoutRecording(), viewer.WithHealth(func(context.Context) (viewer.Health, error) { return h, nil })), "/health"))
		assert.Contains(t, page, want)
		assert.Equal(t, want == "No problem is known.", strings.Contains(page, "No problem is known."), want)
	}
	for _, view := range []viewer.View{{Within: query.Filter{Tenants: []string{"acme"}}}, {All: true, Hidden: []string{"reason"}}} {
		limited := newViewer(t, view, nil, viewer.WithoutRecording(), health)
		assert.Equal(t, http.StatusNotFound, get(t, limited, "/health").Code)
		assert.NotContains(t, textOf(get(t, limited, "/")), "Health")
	}
	assert.Equal(t, http.StatusNotFound, get(t, newViewer(t, viewer.View{All: true}, nil), "/health").Code)
}

// TestCounts: facets and bars are links that narrow the list.
func TestCounts(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for n := range 60 {
		records = append(records, event(940+n, func(r *record.Record) {
			if n%3 == 0 {
				r.Outcome, r.Channel = audit.OutcomeDenied, "web"
			}
		}))
	}
	handler := newViewer(t, viewer.View{All: true}, records)
	answer := get(t, handler, "/")
	page := textOf(answer)
	assert.Contains(t, page, "60 records")
	assert.Contains(t, page, "Alice 60")
	assert.Contains(t, page, "Outcome success 40 denied 20")
	assert.Contains(t, answer.Body.String(), `<option value="user/alice" label="Alice">`, "the form proposes it")
	assert.Contains(t, answer.Body.String(), `<option value="article.publish">`)
	links := hrefs(t, answer.Body.String(), "href")
	assert.Contains(t, links, "./?outcome=denied")
	assert.Contains(t, links, "./?on=2026-11-25")
	links = hrefs(t, get(t, handler, "/?outcome=denied&outcome=failure").Body.String(), "aria-current")
	assert.Contains(t, links, "./?outcome=failure", "the others stay")
	page = textOf(get(t, handler, "/?on=2026-11-25"))
	assert.Contains(t, page, "24 records")
	assert.Contains(t, page, "Wednesday, 25 November 2026, 07:00: 1")
}

// TestChartWithoutMidnight: a chart has a bar for each day, in a month of which one day has no
// midnight and in one of which one has two.
func TestChartWithoutMidnight(t *testing.T) {
	t.Parallel()
	for month, first := range map[time.Month]time.Time{3: time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC), 11: time.Date(2026, 11, 1, 16, 30, 0, 0, time.UTC)} {
		var records []*record.Record
		for n := range 20 {
			records = append(records, event(n, func(r *record.Record) { r.Time = first.Add(time.Duration(n) * 24 * time.Hour) }))
		}
		handler := newViewer(t, viewer.View{All: true}, records)
		page := get(t, handler, fmt.Sprintf("/?zone=America%%2FHavana&since=2026-%02d-01&until=2026-%02d-20", month, month)).Body.String()
		bars := regexp.MustCompile(`aria-label="([A-Za-z]+day, [^"]*)"`).FindAllStringSubmatch(page, -1)
		assert.Len(t, bars, 20)
		for n, bar := range bars {
			assert.Contains(t, bar[1], fmt.Sprintf(", %d %s 2026: ", n+1, month))
		}
	}
}

// TestHiddenFieldsOnPages: no page, count or export has what a View hides.
func TestHiddenFieldsOnPages(t *testing.T) {
	t.Parallel()
	records := []*record.Record{
		event(998, func(r *record.Record) {
			r.Reason, r.Tenant, r.Channel, r.Failure = "zanzibar", "zanzibar", "zanzibar", "zanzibar"
			r.Actor.Name, r.Target.Name, r.Actor.Roles = "zanzibar", "zanzibar", []string{"zanzibar"}
			r.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: "zanzibar"}
			r.Changes = []audit.Change{{Field: "zanzibar", Old: text("zanzibar"), New: text("zanzibar!")}, {Field: "title", New: text("shown")}}
			r.Metadata = []attribute.KeyValue{attribute.String("zanzibar", "zanzibar")}
		}),
		event(999, func(r *record.Record) { r.Tenant = "other"; r.Reason = "zanzibar" }),
	}
	view := viewer.View{All: true, Fields: []string{"changes.title"}}
	handler := newViewer(t, view, records, viewer.WithoutRecording(), viewer.WithSearchLimit(1000))
	for _, page := range []string{
		"/", "/?count=all", "/record?id=" + id(998), "/object?type=article&id=998", "/actor?actor=user/alice", "/security?since=90d",
		"/export?format=csv", "/export?format=jsonl", "/export?format=report",
	} {
		answer := get(t, handler, page)
		assert.Equal(t, http.StatusOK, answer.Code, page)
		assert.NotContains(t, answer.Body.String(), "zanzibar", page)
	}
	for _, condition := range []string{"text=zanzibar", "reason=zanzi", "tenant=zanzibar", "channel=zanzibar", "changed=zanz*", "metadata=zanzibar", "on-behalf-of=zanzibar"} {
		assert.Contains(t, textOf(get(t, handler, "/?"+condition)), "No record matches this filter", condition)
		assert.NotContains(t, get(t, handler, "/export?format=jsonl&"+condition).Body.String(), "article.publish", condition)
	}
	assert.Contains(t, textOf(get(t, handler, "/?text=shown")), "article 998")
	assert.Contains(t, textOf(get(t, handler, "/?not=tenant=zanzibar")), "article 998", "what is hidden is not excluded")
}

func TestExports(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	records := []*record.Record{event(997, func(r *record.Record) { r.Reason = `=HYPERLINK("http://x")` }), event(998, func(r *record.Record) {
		r.Changes = []audit.Change{{Field: "title", Old: text("Old"), New: text("New")}}
	}), event(999, func(r *record.Record) { r.Outcome = audit.OutcomeDenied })}
	handler := newViewer(t, viewer.View{All: true}, records, viewer.WithTracker(recorder.Tracker("x")))

	lines := get(t, handler, "/export?format=jsonl&outcome=success")
	var got []string
	for line := range strings.Lines(lines.Body.String()) {
		var r record.Record
		require.NoError(t, r.UnmarshalJSON([]byte(line)))
		got = append(got, r.ID.String())
	}
	assert.Equal(t, []string{id(997), id(998)}, got, "oldest first")
	assert.Contains(t, lines.Header().Get("Content-Disposition"), "attachment")
	sum := sha256.Sum256(lines.Body.Bytes())
	exports := recorder.Records()
	require.Len(t, exports, 2)
	assert.Equal(t, semconv.ActionTrailExport, exports[0].Action)
	assert.True(t, exports[0].BeginsAttempt())
	assert.Equal(t, audit.OutcomeSuccess, exports[1].Outcome)
	assert.Contains(t, exports[1].Metadata, semconv.TrailSHA256Key.String(hex.EncodeToString(sum[:])))
	assert.Contains(t, exports[1].Metadata, semconv.TrailRecordsKey.Int64(2))

	past := newViewer(t, viewer.View{All: true}, exports, viewer.WithTracker(recorder.Tracker("x")))
	links := hrefs(t, get(t, past, "/record?id="+exports[1].ID.String()).Body.String(), `href="./\?action`)
	require.Contains(t, links, "./?action=audit.trail.export", "a page leads to the exports")
	assert.Contains(t, textOf(get(t, past, "/?action=audit.trail.export&since=900d")), "audit-20261126-120000.jsonl 2 records SHA-256 "+hex.EncodeToString(sum[:]))
	assert.NotContains(t, textOf(get(t, newViewer(t, viewer.View{All: true}, records), "/")), "Exports, with", "none is recorded")

	rows, err := csv.NewReader(get(t, handler, "/export?format=csv").Body).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 4)
	assert.Contains(t, rows[1], `'=HYPERLINK("http://x")`)

	report := get(t, handler, "/export?format=report&outcome=success")
	page := textOf(report)
	assert.Contains(t, page, "Alice published article Hello 998")
	assert.Contains(t, page, "Outcome success Until Thursday, 26 November 2026, 12:00:00.000 UTC Records 2 Times in UTC Made for user/auditor")
	assert.Contains(t, page, "title Old New "+id(998), "what a record changed, and its ID")
	manifest := regexp.MustCompile(`(?s)<pre[^>]*>(.*)</pre>`).FindStringSubmatch(report.Body.String())
	require.NotNil(t, manifest)
	var m struct {
		Records int64
		SHA256  string
		By      string
	}
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(manifest[1], "&#34;", `"`)), &m))
	assert.Equal(t, int64(2), m.Records)
	assert.Equal(t, "user/auditor", m.By)
	var reversed bytes.Buffer
	reversed.Write(lines.Body.Bytes())
	assert.Equal(t, hex.EncodeToString(sum[:]), m.SHA256, "the hash is that of the export as JSON lines")

	assert.NotContains(t, page, "Limited")
	limited := newViewer(t, viewer.View{All: true, Hidden: []string{"reason"}}, records)
	report = get(t, limited, "/export?format=report")
	assert.Contains(t, textOf(report), "Made for user/auditor Limited Records and fields that this person may not see are left out")
	assert.Contains(t, report.Body.String(), `&#34;part&#34;: true`)

	assert.Contains(t, textOf(get(t, handler, "/export?format=pdf")), "There is no such format")
}

// TestLanguage: sentences and words may be those of another language.
func TestLanguage(t *testing.T) {
	t.Parallel()
	german := viewer.Language{
		Tag: "de", Words: map[string]string{"Timeline": "Verlauf", "Thursday": "Donnerstag"},
		Sentences: map[string]viewer.Sentence{"article.*": {Success: "{actor} hat {target} veröffentlicht, aus {address}"}},
	}
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{event(999, nil), event(998, func(r *record.Record) { r.Action = "x.create" })},
		viewer.WithoutRecording(), viewer.WithLanguage(german))
	page := textOf(get(t, handler, "/"))
	assert.Contains(t, page, "Verlauf")
	assert.Contains(t, page, "Donnerstag, 26")
	assert.Contains(t, page, "Alice hat article Hello 999 veröffentlicht, aus 10.0.0.1")
	assert.Contains(t, page, "Alice : x.create article Hello 998")
	assert.Contains(t, get(t, handler, "/").Body.String(), `<html lang="de">`)

	assert.Contains(t, viewer.Phrases(), "Timeline")
	for phrase, ok := range map[string]bool{"vor %s Tagen": true, "vor %d Tagen": false, "vor Tagen": false, "vor %s von %s Tagen": false, "vor %[1]s Tagen": true} {
		words := viewer.Language{Tag: "de", Words: map[string]string{"%s days ago": phrase, "none": "0 %"}}
		_, err := viewer.New(querytest.NewReader(), viewer.Authorize(everything), viewer.WithoutRecording(), viewer.WithLanguage(words))
		assert.Equal(t, ok, err == nil, phrase)
	}
}

// hiddenInput matches what a form sends with its fields, which is as the address had it.
var hiddenInput = regexp.MustCompile(`<input type="hidden"[^>]*>`)

// TestInvisible: characters that turn text around, or that nobody sees, are shown as escapes.
func TestInvisible(t *testing.T) {
	t.Parallel()
	const hostile = "a\u202eb\u200bc\u2066d\u00ade\ufefff"
	r := event(999, func(r *record.Record) {
		r.Reason, r.Failure, r.Tenant, r.Channel, r.Actor.Name, r.Target.Name, r.Target.ID = hostile, hostile, hostile, hostile, hostile, hostile, hostile
		r.Changes = []audit.Change{{Field: hostile, Old: text(hostile), New: text("x" + hostile)}}
		r.Metadata = []attribute.KeyValue{attribute.String(hostile, hostile)}
	})
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{r})
	object := url.Values{"type": {"article"}, "id": {hostile}}.Encode()
	for _, page := range []string{"/", "/record?id=" + id(999), "/object?" + object, "/actor?actor=user/alice", "/security?since=900d", "/export?format=report"} {
		body := hiddenInput.ReplaceAllString(get(t, handler, page).Body.String(), "")
		assert.NotContains(t, body, "\u202e", page)
		assert.NotContains(t, body, "\u200b", page)
	}
	assert.Contains(t, textOf(get(t, handler, "/")), `a\u202eb\u200bc\u2066d\u00ade\ufefff`)
}
