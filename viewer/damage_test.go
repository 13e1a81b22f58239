package viewer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
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
)

// broken is a store of which a part cannot be read.
type broken struct {
	query.Reader

	wait bool // until the time is over
}

func (b broken) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for r, err := range b.Reader.Find(ctx, f) {
			if !yield(r, err) {
				return
			}
		}
		if b.wait {
			<-ctx.Done()
			yield(nil, ctx.Err())
			return
		}
		yield(nil, errors.New("segment 4711 is damaged"))
	}
}

// newBroken returns a viewer of a store of which a part cannot be read.
func newBroken(t *testing.T, store broken, opts ...viewer.Option) http.Handler {
	t.Helper()
	opts = append([]viewer.Option{viewer.WithoutRecording(), viewer.WithErrorHandler(func(context.Context, error) {})}, opts...)
	return newViewerOf(t, viewer.View{All: true}, store, opts...)
}

// panicking is a store that panics when it counts.
type panicking struct{ query.Reader }

func (p panicking) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	if f.Limit < 20 { // to count, or for the page about security
		return func(func(*record.Record, error) bool) { panic("a fault of the store") }
	}
	return p.Reader.Find(ctx, f)
}

// TestPanic: a store that panics ends a request, in whose goroutine the panic is, and not the
// service.
func TestPanic(t *testing.T) {
	t.Parallel()
	handler := newViewerOf(t, viewer.View{All: true}, panicking{querytest.NewReader(event(1, nil))})
	for _, page := range []string{"/", "/actor?actor=user/alice", "/security"} {
		assert.PanicsWithValue(t, "a fault of the store", func() { get(t, handler, page) }, page)
	}
}

// TestDamage: what cannot be read is said, and no export looks complete without it.
func TestDamage(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	var reported atomic.Int64
	handler := newViewerOf(t, viewer.View{All: true}, broken{Reader: querytest.NewReader(event(1, nil))}, viewer.WithTracker(recorder.Tracker("x")),
		viewer.WithErrorHandler(func(context.Context, error) { reported.Add(1) }))
	for _, page := range []string{"/", "/?actor=user/nobody", "/actor?actor=user/alice", "/object?type=article&id=1", "/security?since=900d", "/record?id=" + id(1)} {
		reported.Store(0)
		answer := get(t, handler, page)
		assert.Contains(t, textOf(answer), "A part of the trail could not be read", page)
		assert.NotContains(t, answer.Body.String(), "4711")
		assert.NotZero(t, reported.Load(), "the page says that the log says which part")
		for _, untrue := range []string{"No record matches", "There are no records", "Nobody was denied anything", "of this attempt"} {
			assert.NotContains(t, textOf(answer), untrue, page)
		}
	}
	assert.Equal(t, http.StatusInternalServerError, get(t, handler, "/record?id="+id(2)).Code)
	assert.Equal(t, http.StatusInternalServerError, get(t, handler, "/export?format=report").Code)

	server := httptest.NewServer(handler)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/export?format=csv", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		require.NoError(t, resp.Body.Close())
	}
	require.Error(t, err, "the download fails")
	records := recorder.Records()
	last := records[len(records)-1]
	assert.Equal(t, semconv.ActionTrailExport, last.Action)
	assert.Equal(t, audit.OutcomeFailure, last.Outcome)
}

// TestAttemptAndDamage: nothing is said of the end of an attempt if not all records could be read.
func TestAttemptAndDamage(t *testing.T) {
	t.Parallel()
	begin := event(10, func(r *record.Record) { r.Attempt, r.Outcome, r.Action = r.ID, audit.OutcomeUnknown, "payout.send" })
	for want, wait := range map[string]bool{"A part of the trail could not be read": false, "this page is not complete": true} {
		handler := newBroken(t, broken{querytest.NewReader(begin), wait}, viewer.WithQueryTimeout(100*time.Millisecond))
		page := textOf(get(t, handler, "/record?id="+begin.ID.String()))
		assert.Contains(t, page, want)
		assert.NotContains(t, page, "It has no end yet")
	}
}

// TestBudget: counts that take too long say how far back they go, and lead to complete ones.
func TestBudget(t *testing.T) {
	t.Parallel()
	handler := newBroken(t, broken{querytest.NewReader(event(999, nil), event(998, nil)), true}, viewer.WithCountBudget(20*time.Millisecond), viewer.WithQueryTimeout(200*time.Millisecond))
	answer := get(t, handler, "/?tenant=acme")
	page := textOf(answer)
	assert.Contains(t, page, "At least 2 records Counted back to Thursday, 26 November 2026, 10:00:00.000 UTC. Count all")
	assert.Contains(t, page, "Alice 2+")
	assert.Contains(t, page, "Wednesday, 25 November 2026: not all counted")
	assert.Contains(t, hrefs(t, answer.Body.String(), "nofollow"), "./?count=all&tenant=acme")
	answer = get(t, handler, "/actor?actor=user/alice")
	assert.Contains(t, textOf(answer), "At least 2 records, counted back to")
	assert.Contains(t, hrefs(t, answer.Body.String(), "nofollow"), "./actor?actor=user%2Falice&count=all")
}

// TestUncounted: a page that could not count in time says so, and leads to complete counts.
func TestUncounted(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, []*record.Record{event(999, nil)}, viewer.WithoutRecording(), viewer.WithCountBudget(1))
	for page, all := range map[string]string{"/?tenant=acme": "./?count=all&tenant=acme", "/actor?actor=user/alice": "./actor?actor=user%2Falice&count=all"} {
		answer := get(t, handler, page)
		assert.Contains(t, textOf(answer), "The records were not counted", page)
		assert.Contains(t, hrefs(t, answer.Body.String(), "nofollow"), all)
		assert.NotContains(t, textOf(get(t, handler, strings.TrimPrefix(all, "."))), "The records were not counted", page)
	}
}

// TestDeadline: a page shows what was found in time, and says that it is not complete.
func TestDeadline(t *testing.T) {
	t.Parallel()
	handler := newBroken(t, broken{querytest.NewReader(event(1, nil)), true}, viewer.WithQueryTimeout(500*time.Millisecond))
	page := textOf(get(t, handler, "/"))
	assert.Contains(t, page, "this page is not complete")
	assert.Contains(t, page, "Hello 1")
	answer := get(t, handler, "/?actor=user/nobody")
	assert.Equal(t, http.StatusGatewayTimeout, answer.Code)
	assert.Contains(t, textOf(answer), "Narrow it")
	answer = get(t, handler, "/export?format=report")
	assert.Equal(t, http.StatusGatewayTimeout, answer.Code, "it is not too large")
}

// impatient is a store whose own time is over before that of the page.
type impatient struct{ query.Reader }

// Find returns the records and an error.
func (i impatient) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for r, err := range i.Reader.Find(ctx, f) {
			if !yield(r, err) {
				return
			}
		}
		yield(nil, fmt.Errorf("a server did not answer: %w", context.DeadlineExceeded))
	}
}

// unsealed is a ledger without a seal.
type unsealed struct{}

func (unsealed) Prove(context.Context, []byte) (viewer.Proof, error) {
	return viewer.Proof{}, viewer.ErrNotSealed
}

func (unsealed) Seal(context.Context) (viewer.Seal, error) { return viewer.Seal{}, nil }

// TestProofAndDamage: a record that could not be looked for is not said to be missing.
func TestProofAndDamage(t *testing.T) {
	t.Parallel()
	reader := querytest.NewReader(event(1, nil))
	for want, handler := range map[int]http.Handler{
		http.StatusNotFound:            newViewerOf(t, viewer.View{All: true}, reader, viewer.WithoutRecording(), viewer.WithProvers(unsealed{})),
		http.StatusInternalServerError: newBroken(t, broken{Reader: reader}, viewer.WithProvers(unsealed{})),
		http.StatusGatewayTimeout:      newBroken(t, broken{reader, true}, viewer.WithProvers(unsealed{}), viewer.WithQueryTimeout(100*time.Millisecond)),
	} {
		answer := get(t, handler, "/proof?id="+id(2))
		assert.Equal(t, want, answer.Code)
		assert.Equal(t, want == http.StatusNotFound, strings.Contains(textOf(answer), "There is no such record"))
	}
}

// TestImpatientStore: what a store could not read in its own time is not taken for nothing.
func TestImpatientStore(t *testing.T) {
	t.Parallel()
	handler := newViewerOf(t, viewer.View{All: true}, impatient{querytest.NewReader(event(1, nil))}, viewer.WithoutRecording(), viewer.WithErrorHandler(func(context.Context, error) {}))
	assert.Contains(t, textOf(get(t, handler, "/")), "A part of the trail could not be read")
}
