package everywhere_test

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/propagation"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// world is an application with its store and its trail.
type world struct {
	tasks
	dir      string
	provider *sdk.TrackerProvider
	tracker  audit.Tracker
	store    store
	articles *auditrepo.Auditor[article, string]
	key      propagation.Key
	queue    chan job // read by the worker
	work     sync.WaitGroup

	mu         sync.Mutex
	lateErrors []error // reported after the handler returned
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), queue: make(chan job, 1)}
	var err error
	w.provider, err = sdk.NewTrackerProvider(
		sdk.WithLedger(w.dir, ledger.WithSegmentSize(ledger.MinSegmentSize)),
		sdk.WithAnonymous(), // for no action
	)
	require.NoError(t, err)
	w.tracker = w.provider.Tracker("example.com/everywhere")
	w.articles, err = auditrepo.New(w.tracker, auditrepo.Config[article, string]{
		TargetType: "article", ID: func(a article) string { return a.ID },
	})
	require.NoError(t, err)
	w.key, err = propagation.NewKey("k1", make([]byte, propagation.MinSecret))
	require.NoError(t, err)
	return w
}

// newTask adds a task whose caller may cancel it.
func (w *world) newTask(ctx context.Context, b behavior, id, suffix string) *task {
	k := &task{behavior: b, id: id, user: "alice" + suffix, owner: "carol" + suffix, answered: make(chan struct{})}
	k.ctx, k.cancel = context.WithCancel(ctx)
	w.put(k)
	return k
}

func (w *world) addLateError(_ context.Context, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lateErrors = append(w.lateErrors, err)
}

// serve starts a server. It discards the server's log, which contains only panics.
func (*world) serve(h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(discard{}, "", 0)
	server.Start()
	return server
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// sendRequest sends the request of a task. It returns an error unless the response is a
// success.
func sendRequest(t *testing.T, client *http.Client, url string, k *task) error {
	t.Helper()
	defer close(k.answered)
	r, err := http.NewRequestWithContext(k.ctx, http.MethodPost, url+"/articles/"+k.id, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("User", k.user)
	r.Header.Set("View-As", k.owner)
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	assert.NoError(t, response.Body.Close())
	if response.StatusCode >= http.StatusBadRequest {
		return errors.New(response.Status)
	}
	return nil
}

func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusNoContent
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// close shuts the world down and returns its trail.
func (w *world) close(t *testing.T) []*record.Record {
	t.Helper()
	w.work.Wait()
	if d, ok := w.store.(*driver); ok {
		require.NoError(t, d.monitor.Shutdown(t.Context()))
		assert.Zero(t, d.monitor.Stats()[0].Lost)
	}
	require.NoError(t, w.provider.Shutdown(t.Context()))
	reader, err := ledgerquery.NewReader(w.dir)
	require.NoError(t, err)
	var trail []*record.Record
	for r, err := range reader.Find(t.Context(), query.Filter{Ascending: true}) {
		require.NoError(t, err)
		trail = append(trail, r)
	}
	require.Len(t, trail, w.entries(t), "the reader omits duplicates; there must be none")
	return trail
}

// entries returns the number of entries in the ledger.
func (w *world) entries(t *testing.T) (n int) {
	t.Helper()
	raw, err := ledger.OpenReader(w.dir)
	require.NoError(t, err)
	for _, err := range raw.Entries(t.Context(), 1) {
		require.NoError(t, err)
		n++
	}
	require.NoError(t, raw.Close())
	return n
}

// requireNoLostWrites compares the store's writes with the trail. A write may be missing
// from the trail only if the trail reports that its request left no trace.
func (w *world) requireNoLostWrites(t *testing.T, trail []*record.Record) {
	t.Helper()
	unrecorded, requests := map[string]int{}, 0 // writes by id, and requests reported as missing coverage
	writes := w.store.writtenIDs(t)
	for _, id := range writes {
		unrecorded[id]++
	}
	withoutID := 0 // recorded writes that have no id
	for _, r := range trail {
		if r.Action == actionCoverageMissing {
			requests++
			continue
		}
		ids, more := updatedArticles(r)
		withoutID += more
		for _, id := range ids {
			unrecorded[id]--
			require.GreaterOrEqual(t, unrecorded[id], 0, "the trail has more updates of article %s than the store", id)
		}
	}
	missing := -withoutID
	for _, n := range unrecorded {
		missing += n
	}
	if requests == 0 {
		assert.Zero(t, missing, "writes missing from the trail")
	} else {
		assert.GreaterOrEqual(t, missing, requests, "each request without a trace has a missing write")
	}
	assert.Len(t, w.lateErrors, requests, "late errors")
	for _, err := range w.lateErrors {
		var coverage *audithttp.CoverageError
		assert.ErrorAs(t, err, &coverage)
	}
}
