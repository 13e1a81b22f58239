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
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// world is an application with its data and its trail.
type world struct {
	tasks
	dir      string
	provider *sdk.TrackerProvider
	tracker  audit.Tracker
	store    store
	articles *auditrepo.Auditor[article, string]
	key      propagation.Key
	queue    chan message // of the worker
	work     sync.WaitGroup

	mu   sync.Mutex
	late []error // what came too late for a handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), queue: make(chan message, 1)}
	var err error
	w.provider, err = sdk.NewTrackerProvider(
		sdk.WithLedger(w.dir, nil, sdk.WithSegmentSize(ledger.MinSegmentSize)),
		sdk.WithAnonymous(), // nobody may be that
	)
	require.NoError(t, err)
	w.tracker = w.provider.Tracker("example.com/everywhere")
	w.articles, err = auditrepo.New(w.tracker, auditrepo.Config[article, string]{
		Type: "article", ID: func(a article) string { return a.ID },
	})
	require.NoError(t, err)
	w.key, err = propagation.NewKey("k1", make([]byte, propagation.MinSecret))
	require.NoError(t, err)
	return w
}

// newTask is the work of one who asks and may hang up.
func (w *world) newTask(ctx context.Context, d deed, id, suffix string) *task {
	k := &task{deed: d, id: id, user: "alice" + suffix, owner: "carol" + suffix, answered: make(chan struct{})}
	k.ctx, k.cancel = context.WithCancel(ctx)
	w.put(k)
	return k
}

func (w *world) fail(_ context.Context, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = append(w.late, err)
}

// serve starts a server. Its log is that of panics.
func (*world) serve(h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(discard{}, "", 0)
	server.Start()
	return server
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// ask sends the request of a task, and reports whether it was told of a success.
func ask(t *testing.T, client *http.Client, url string, k *task) error {
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

// close ends the world, and returns its trail.
func (w *world) close(t *testing.T) []*record.Record {
	t.Helper()
	w.work.Wait()
	if d, ok := w.store.(*driver); ok {
		require.NoError(t, d.monitor.Shutdown(t.Context()))
		assert.Zero(t, d.monitor.Stats()[0].Lost)
	}
	require.NoError(t, w.provider.Shutdown(t.Context()))
	reader, err := query.Ledger(w.dir)
	require.NoError(t, err)
	var trail []*record.Record
	for r, err := range reader.Find(t.Context(), query.Filter{Ascending: true}) {
		require.NoError(t, err)
		trail = append(trail, r)
	}
	require.Len(t, trail, w.entries(t), "the reader leaves out what is there twice; nothing is")
	return trail
}

// entries counts what the ledger holds.
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

// requireNothingLost compares what the data layer has done with what the trail says of
// it. Only where a request left no trace may the trail know less, and then it says that.
func (w *world) requireNothingLost(t *testing.T, trail []*record.Record) {
	t.Helper()
	done, missing := map[string]int{}, 0
	writes := w.store.written(t)
	for _, id := range writes {
		done[id]++
	}
	unnamed := 0 // that the trail says to be done, and not to what
	for _, r := range trail {
		if r.Action == actionMissing {
			missing++
			continue
		}
		ids, more := claims(r)
		unnamed += more
		for _, id := range ids {
			done[id]--
			require.GreaterOrEqual(t, done[id], 0, "article %s is said to be changed, once too often", id)
		}
	}
	unsaid := -unnamed
	for _, n := range done {
		unsaid += n
	}
	if missing == 0 {
		assert.Zero(t, unsaid, "writes that the trail does not know of")
	} else {
		assert.GreaterOrEqual(t, unsaid, missing, "writes that the trail misses, and says so")
	}
	assert.Len(t, w.late, missing, "errors that came late")
	for _, err := range w.late {
		var coverage *audithttp.CoverageError
		assert.ErrorAs(t, err, &coverage)
	}
}
