package viewer_test

import (
	"context"
	"iter"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/viewer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSearchLimit(t *testing.T) {
	t.Parallel()
	handler := newViewer(t, viewer.View{All: true}, nil, viewer.WithoutRecording(), viewer.WithSearchLimit(8))
	for range 2 {
		assert.Equal(t, http.StatusOK, get(t, handler, "/?text=x").Code)
	}
	answer := get(t, handler, "/?text=x")
	assert.Equal(t, http.StatusTooManyRequests, answer.Code)
	assert.Equal(t, "8", answer.Header().Get("Retry-After"))
	assert.Contains(t, textOf(answer), "Wait 8 seconds")
	assert.Equal(t, http.StatusOK, get(t, handler, "/?outcome=denied").Code, "others are not limited")
}

// TestExpensiveSearches: a search that may read all records is limited, whatever else it has. One
// that an index narrows is not.
func TestExpensiveSearches(t *testing.T) {
	t.Parallel()
	limited := func(view viewer.View, query string) bool {
		handler := newViewer(t, view, nil, viewer.WithoutRecording(), viewer.WithSearchLimit(1))
		require.Equal(t, http.StatusOK, get(t, handler, "/?"+query).Code, query)
		return get(t, handler, "/?"+query).Code == http.StatusTooManyRequests
	}
	all := viewer.View{All: true}
	for _, query := range []string{
		"text=x", "reason=x", "failure=x", "count=all", "service=none", "target-type=none", "stage=none", "changed=none*", "actor=anonymous&actor=user/x", "on-behalf-of=anonymous",
		"not=outcome=success&not=outcome=failure&not=outcome=denied", "outcome=success&service=none", "actor=system/worker&stage=end", "since=900d&service=none",
		"operation=unspecified",
	} {
		assert.True(t, limited(all, query), query)
	}
	for _, query := range []string{
		"", "outcome=denied", "actor=user/x", "actor=anonymous", "actor=anonymous&actor=unresolved", "actor-type=anonymous", "action=*.read", "changed=title", "metadata=k=v", "tenant=acme", "on-behalf-of=*",
		"target=a/1&target-type=a", "id=" + id(1) + "&service=none", "looks=shown", "since=7d",
	} {
		assert.False(t, limited(all, query), query)
	}
	acme := viewer.View{Within: query.Filter{Tenants: []string{"acme"}}, Hidden: []string{"metadata.*"}}
	for query, want := range map[string]bool{"": false, "outcome=denied": false, "tenant=globex": true, "metadata=k": true} {
		assert.Equal(t, want, limited(acme, query), query)
	}
}

// TestExpensivePages: the page of an object is limited if it has more records than a page keeps, if
// words narrow it, or if several tenants have the object, so that all are counted; and the page
// about security if the View hides what a section selects by.
func TestExpensivePages(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	add := func(id string, count int, tenants ...string) {
		for n := range count {
			records = append(records, event(len(records), func(r *record.Record) { r.Target.ID, r.Tenant = id, tenants[n%len(tenants)] }))
		}
	}
	add("few", 1000, "acme")
	add("many", 1001, "acme")
	add("shared", 2, "acme", "globex")
	add("crowd", 2002, "acme", "globex")
	limited := func(view viewer.View, page string) bool {
		handler := newViewer(t, view, records, viewer.WithoutRecording(), viewer.WithSearchLimit(1))
		first := get(t, handler, page)
		require.NotEqual(t, http.StatusTooManyRequests, first.Code, page)
		again := get(t, handler, page)
		if again.Code == http.StatusTooManyRequests {
			return true
		}
		assert.Equal(t, textOf(first), textOf(again))
		return false
	}
	all := viewer.View{All: true}
	for page, want := range map[string]bool{
		"/object?type=article&id=few": false, "/object?type=article&id=many": true, "/object?type=article&id=none": false,
		"/object?type=article&id=few&text=x": true, "/object?type=article&id=many&outcome=denied": false,
		"/object?type=article&id=shared": true, "/object?type=article&id=shared&in=acme": false,
		"/object?type=article&id=crowd&in=acme": true, "/security": false,
	} {
		assert.Equal(t, want, limited(all, page), page)
	}
	assert.True(t, limited(viewer.View{All: true, Hidden: []string{"actor.on_behalf_of"}}, "/security"))
}

// TestExportsWait: of one actor only one export runs at a time, and a slow one holds no slot of a
// search.
func TestExportsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		entered, leave := make(chan struct{}), make(chan struct{})
		store := slowStore{Reader: querytest.NewReader(event(1, nil)), entered: entered, leave: leave}
		handler, err := viewer.New(store, viewer.Authorize(everything), viewer.WithoutRecording(), viewer.WithQueryTimeout(300*time.Millisecond))
		require.NoError(t, err)
		first := make(chan int, 1)
		go func() { first <- get(t, handler, "/export?format=csv&text=hello").Code }()
		<-entered
		answer := get(t, handler, "/export?format=csv")
		assert.Equal(t, http.StatusServiceUnavailable, answer.Code, "the first one still runs")
		assert.Contains(t, textOf(answer), "Too many exports")
		assert.Equal(t, http.StatusOK, get(t, handler, "/?failure=hello").Code)
		close(leave)
		assert.Equal(t, http.StatusOK, <-first)
		assert.Equal(t, http.StatusOK, get(t, handler, "/export?format=csv").Code)
	})
}

// TestExpensiveSearchesWait: of one actor only one search runs at a time, and the second one waits
// until the first has ended, or says that it could not wait any longer.
func TestExpensiveSearchesWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		entered, leave := make(chan struct{}), make(chan struct{})
		store := slowStore{Reader: querytest.NewReader(event(1, nil)), entered: entered, leave: leave}
		handler, err := viewer.New(store, viewer.Authorize(everything), viewer.WithoutRecording(), viewer.WithCountBudget(time.Nanosecond), viewer.WithQueryTimeout(300*time.Millisecond))
		require.NoError(t, err)
		first := make(chan int, 1)
		go func() { first <- get(t, handler, "/?text=hello").Code }()
		<-entered
		assert.Equal(t, http.StatusServiceUnavailable, get(t, handler, "/?text=hello").Code, "the first one still runs")
		assert.Equal(t, http.StatusOK, get(t, handler, "/").Code, "a cheap page waits for nobody")
		close(leave)
		<-first
		assert.Equal(t, http.StatusOK, get(t, handler, "/?text=hello").Code)
	})
}

// slowStore holds the first search for words.
type slowStore struct {
	query.Reader

	entered chan<- struct{}
	leave   <-chan struct{}
}

// Find waits in a search for words until it may leave.
func (s slowStore) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	if f.Text != "" && (f.Limit > 0 || f.Ascending) { // no count
		select {
		case s.entered <- struct{}{}:
		case <-s.leave:
		}
		<-s.leave
	}
	return s.Reader.Find(ctx, f)
}
