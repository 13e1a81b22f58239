package everywhere_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
)

// row is a path by which an article is updated, with the expected records for each
// behavior of the code. A missing behavior is impossible on that path.
type row struct {
	name     string
	run      runFunc
	newStore func(t *testing.T, w *world) store
	cells    map[behavior][]string
}

// inHandler are the records of a request whose handler records the intent.
func inHandler(route string) map[behavior][]string {
	return map[behavior][]string{
		recordsIntent:       {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgetsIntent:       {"signal article.update success by user:alice through api on article:1, title - -> New"},
		leavesNoTrace:       {"signal audit.coverage.missing success by user:alice through api on route:" + route},
		failsToWrite:        {"intent article.update failure by user:alice through api on article:1"},
		deniedWrite:         {"intent article.update denied by user:alice through api on article:1"},
		deniedRequest:       {"intent access.denied denied by user:alice through api on route:" + route},
		panicsBeforeWrite:   nil,
		panicsAfterWrite:    {"signal article.update success by user:alice through api on article:1, title - -> New"},
		panicsAfterIntent:   {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		canceledBeforeWrite: {"intent article.update failure by user:alice through api on article:1"},
		canceledAfterWrite:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
	}
}

// onRoute are the records of a request whose route has an intent.
func onRoute() map[behavior][]string {
	return map[behavior][]string{
		recordsIntent: {"intent article.update success by user:alice through api on article:1"},
		recordsTwice:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgetsIntent: { // forgets the target, so the intent covers no signal
			"intent article.update success by user:alice through api",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		failsToWrite:      {"intent article.update failure by user:alice through api on article:1"},
		deniedWrite:       {"intent article.update denied by user:alice through api on article:1"},
		deniedRequest:     {"intent article.update denied by user:alice through api"},
		panicsBeforeWrite: {"intent article.update failure by user:alice through api on article:1"},
		panicsAfterWrite: { // the request failed, but its write persists
			"intent article.update failure by user:alice through api on article:1",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		canceledBeforeWrite: {"intent article.update failure by user:alice through api on article:1"},
		canceledAfterWrite:  {"intent article.update success by user:alice through api on article:1"},
	}
}

// byAdmin are the records of a request to the admin panel.
func byAdmin(route string) map[behavior][]string {
	return map[behavior][]string{
		recordsIntent:       {"intent article.update success by user:root-of-alice for user:carol through admin on article:1, title Old -> New, because spam"},
		forgetsIntent:       {"signal article.update success by user:root-of-alice for user:carol through admin on article:1, title - -> New"},
		leavesNoTrace:       {"signal audit.coverage.missing success by user:root-of-alice for user:carol through admin on route:" + route},
		failsToWrite:        {"intent article.update failure by user:root-of-alice for user:carol through admin on article:1, because spam"},
		deniedWrite:         {"intent article.update denied by user:root-of-alice for user:carol through admin on article:1, because spam"},
		deniedRequest:       {"intent access.denied denied by user:root-of-alice for user:carol through admin on route:" + route},
		panicsBeforeWrite:   nil,
		panicsAfterWrite:    {"signal article.update success by user:root-of-alice for user:carol through admin on article:1, title - -> New"},
		panicsAfterIntent:   {"intent article.update success by user:root-of-alice for user:carol through admin on article:1, title Old -> New, because spam"},
		canceledBeforeWrite: {"intent article.update failure by user:root-of-alice for user:carol through admin on article:1, because spam"},
		canceledAfterWrite:  {"intent article.update success by user:root-of-alice for user:carol through admin on article:1, title Old -> New, because spam"},
	}
}

// table shows who changed an article and how. Alice changes the title of article 1 from Old
// to New, or in bulk that of several articles, where article 2 is the one on which the
// behavior acts.
var table = []row{
	{"API, net/http, intent in the handler", overHTTP((*world).newMux, "/api"), newMemoryStore, inHandler("/api/articles/{id}")},
	{"API, net/http, intent on the route", overHTTP((*world).newMux, "/route"), newMemoryStore, onRoute()},
	{"admin, net/http, nested middleware", overHTTP((*world).newMux, "/admin"), newMemoryStore, byAdmin("/admin/articles/{id}")},
	{"API, chi, intent in the handler", overHTTP((*world).newChi, "/api"), newMemoryStore, inHandler("/api/articles/{id}")},
	{"API, chi, intent on the route", overHTTP((*world).newChi, "/route"), newMemoryStore, onRoute()},
	{"admin, chi, mounted router", overHTTP((*world).newChi, "/admin"), newMemoryStore, byAdmin("/admin/articles/{id}")},
	{"API, Echo, intent in the handler", overHTTP((*world).newEcho, "/api"), newMemoryStore, inHandler("/api/articles/:id")},
	{"API, Echo, intent on the route", overHTTP((*world).newEcho, "/route"), newMemoryStore, onRoute()},
	{"admin, Echo, group middleware", overHTTP((*world).newEcho, "/admin"), newMemoryStore, byAdmin("/admin/articles/:id")},
	{"API, Echo v5, intent in the handler", overHTTP((*world).newEcho5, "/api"), newMemoryStore, inHandler("/api/articles/:id")},
	{"API, Echo v5, intent on the route", overHTTP((*world).newEcho5, "/route"), newMemoryStore, onRoute()},
	{"admin, Echo v5, group middleware", overHTTP((*world).newEcho5, "/admin"), newMemoryStore, byAdmin("/admin/articles/:id")},
	{"API, gin, intent in the handler", overHTTP((*world).newGin, "/api"), newMemoryStore, inHandler("/api/articles/:id")},
	{"API, gin, intent on the route", overHTTP((*world).newGin, "/route"), newMemoryStore, onRoute()},
	{"admin, gin, group middleware", overHTTP((*world).newGin, "/admin"), newMemoryStore, byAdmin("/admin/articles/:id")},
	{"API, gRPC, intent in the handler", overGRPC(updateMethod), newMemoryStore, rpcInHandler()},
	{"API, gRPC, intent of the method", overGRPC(intentMethod), newMemoryStore, onMethod()},
	{"API, gRPC, intent of a stream", overGRPC(streamMethod), newMemoryStore, onStream()},
	{"admin, gRPC, nested interceptor", overGRPC(adminMethod), newMemoryStore, rpcByAdmin()},
	{"API, Connect, intent in the handler", overConnect(updateMethod), newMemoryStore, rpcInHandler()},
	{"API, Connect, intent of the procedure", overConnect(intentMethod), newMemoryStore, onMethod()},
	{"admin, Connect, nested interceptor", overConnect(adminMethod), newMemoryStore, rpcByAdmin()},
	// The intent of the request that enqueues the job is always recorded.
	{"job, with a token", overHTTP((*world).newMux, "/job"), newMemoryStore, withRecord(
		"intent article.request_update success by user:alice through api on article:1", map[behavior][]string{
			recordsIntent:       {"intent article.update success by user:alice through job from api on article:1, title Old -> New"},
			forgetsIntent:       {"signal article.update success by user:alice through job from api on article:1, title - -> New"},
			failsToWrite:        {"intent article.update failure by user:alice through job from api on article:1"},
			deniedWrite:         {"intent article.update denied by user:alice through job from api on article:1"},
			panicsBeforeWrite:   nil,
			panicsAfterWrite:    {"signal article.update success by user:alice through job from api on article:1, title - -> New"},
			panicsAfterIntent:   {"intent article.update success by user:alice through job from api on article:1, title Old -> New"},
			canceledBeforeWrite: {"intent article.update failure by user:alice through job from api on article:1"},
			canceledAfterWrite:  {"intent article.update success by user:alice through job from api on article:1, title Old -> New"},
		})},
	// The goroutine starts after the request, and is not canceled with it.
	{"detached goroutine", overHTTP((*world).newMux, "/later"), newMemoryStore, withRecord(
		"intent article.request_update success by user:alice through api on article:1", map[behavior][]string{
			recordsIntent:       {"intent article.update success by user:alice through api on article:1, title Old -> New"},
			forgetsIntent:       {"signal article.update success by user:alice through api on article:1, title - -> New"},
			failsToWrite:        {"intent article.update failure by user:alice through api on article:1"},
			deniedWrite:         {"intent article.update denied by user:alice through api on article:1"},
			panicsBeforeWrite:   nil,
			panicsAfterWrite:    {"signal article.update success by user:alice through api on article:1, title - -> New"},
			panicsAfterIntent:   {"intent article.update success by user:alice through api on article:1, title Old -> New"},
			canceledBeforeWrite: {"intent article.update success by user:alice through api on article:1, title Old -> New"},
			canceledAfterWrite:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		})},
	{"CLI, run by a user", inCommand(audit.User("dora")), newMemoryStore, map[behavior][]string{
		recordsIntent:       {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
		forgetsIntent:       {"signal article.update success by user:dora through cli on article:1, title - -> New"},
		failsToWrite:        {"intent article.update failure by user:dora through cli on article:1"},
		deniedWrite:         {"intent article.update denied by user:dora through cli on article:1"},
		panicsBeforeWrite:   nil,
		panicsAfterWrite:    {"signal article.update success by user:dora through cli on article:1, title - -> New"},
		panicsAfterIntent:   {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
		canceledBeforeWrite: {"intent article.update failure by user:dora through cli on article:1"},
		canceledAfterWrite:  {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
	}},
	{"CLI, run by the system", inCommand(audit.System("cron")), newMemoryStore, map[behavior][]string{
		recordsIntent:       {"intent article.update success by system:cron through cli on article:1, title Old -> New"},
		forgetsIntent:       {"signal article.update success by system:cron through cli on article:1, title - -> New"},
		failsToWrite:        {"intent article.update failure by system:cron through cli on article:1"},
		deniedWrite:         {"intent article.update denied by system:cron through cli on article:1"},
		panicsBeforeWrite:   nil,
		panicsAfterWrite:    {"signal article.update success by system:cron through cli on article:1, title - -> New"},
		panicsAfterIntent:   {"intent article.update success by system:cron through cli on article:1, title Old -> New"},
		canceledBeforeWrite: {"intent article.update failure by system:cron through cli on article:1"},
		canceledAfterWrite:  {"intent article.update success by system:cron through cli on article:1, title Old -> New"},
	}},
	// The store panics. To forget the intent, the code uses the undecorated store.
	{"repository", overHTTP((*world).newMux, "/repository"), newMemoryStore, map[behavior][]string{
		recordsIntent:     {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgetsIntent:     {"signal article.update success by user:alice through api on article:1, title - -> New"},
		leavesNoTrace:     {"signal audit.coverage.missing success by user:alice through api on route:/repository/articles/{id}"},
		failsToWrite:      {"intent article.update failure by user:alice through api on article:1"},
		deniedWrite:       {"intent article.update denied by user:alice through api on article:1"},
		deniedRequest:     {"intent access.denied denied by user:alice through api on route:/repository/articles/{id}"},
		panicsBeforeWrite: {"intent article.update failure by user:alice through api on article:1"},
		panicsAfterWrite: { // the call failed, but its write persists
			"intent article.update failure by user:alice through api on article:1",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		panicsAfterIntent:   {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		canceledBeforeWrite: {"intent article.update failure by user:alice through api on article:1"},
		canceledAfterWrite:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
	}},
	// The store undoes what fails, panics or is canceled. A denial and a failure are true
	// whatever the transaction does.
	{"transaction", overHTTP((*world).newMux, "/transaction"), newMemoryStore, inUnits(map[behavior]unitCell{
		recordsIntent:       {"success", []string{"intent article.update success by user:alice through api on article:1, title Old -> New"}},
		forgetsIntent:       {"success", []string{"signal article.update success by user:alice through api on article:1, title - -> New"}},
		leavesNoTrace:       {"success", []string{"signal audit.coverage.missing success by user:alice through api on route:/transaction/articles/{id}"}},
		failsToWrite:        {"failure", []string{"intent article.update failure by user:alice through api on article:1"}},
		deniedWrite:         {"failure", []string{"intent article.update denied by user:alice through api on article:1"}},
		panicsBeforeWrite:   {"failure", nil},
		panicsAfterWrite:    {"failure", []string{"signal article.update failure by user:alice through api on article:1, title - -> New"}},
		panicsAfterIntent:   {"failure", []string{"intent article.update failure by user:alice through api on article:1, title Old -> New"}},
		canceledBeforeWrite: {"failure", []string{"intent article.update failure by user:alice through api on article:1"}},
		canceledAfterWrite:  {"failure", []string{"intent article.update failure by user:alice through api on article:1, title Old -> New"}},
	})},
	// The monitor raises the signals. The server rejects a failing write; leavesNoTrace uses
	// UpdateMany.
	{"raw driver, in a command", inCommand(audit.User("dora")), newDriverStore, map[behavior][]string{
		recordsIntent:       {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
		forgetsIntent:       {"signal article.update success by user:dora through cli on article:1, title - -> New"},
		failsToWrite:        {"intent article.update failure by user:dora through cli on article:1"},
		deniedWrite:         {"intent article.update denied by user:dora through cli on article:1"},
		panicsBeforeWrite:   nil,
		panicsAfterWrite:    {"signal article.update success by user:dora through cli on article:1, title - -> New"},
		panicsAfterIntent:   {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
		canceledBeforeWrite: {"intent article.update failure by user:dora through cli on article:1"},
		canceledAfterWrite:  {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
	}},
	{"raw driver, in an API", overHTTP((*world).newMux, "/api"), newDriverStore, map[behavior][]string{
		recordsIntent:       {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgetsIntent:       {"signal article.update success by user:alice through api on article:1, title - -> New"},
		leavesNoTrace:       {"signal audit.coverage.missing success by user:alice through api on route:/api/articles/{id}"},
		failsToWrite:        {"intent article.update failure by user:alice through api on article:1"},
		deniedWrite:         {"intent article.update denied by user:alice through api on article:1"},
		deniedRequest:       {"intent access.denied denied by user:alice through api on route:/api/articles/{id}"},
		panicsBeforeWrite:   nil,
		panicsAfterWrite:    {"signal article.update success by user:alice through api on article:1, title - -> New"},
		panicsAfterIntent:   {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		canceledBeforeWrite: {"intent article.update failure by user:alice through api on article:1"},
		canceledAfterWrite:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
	}},
	{"raw driver, in a repository", overHTTP((*world).newMux, "/repository"), newDriverStore, map[behavior][]string{
		recordsIntent:     {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgetsIntent:     {"signal article.update success by user:alice through api on article:1, title - -> New"},
		failsToWrite:      {"intent article.update failure by user:alice through api on article:1"},
		panicsBeforeWrite: {"intent article.update failure by user:alice through api on article:1"},
		panicsAfterWrite: {
			"intent article.update failure by user:alice through api on article:1",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		canceledBeforeWrite: {"intent article.update failure by user:alice through api on article:1"},
		canceledAfterWrite:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
	}},
	// The intent counts articles 1 and 2; article 3 is written without it. An intent that did
	// not succeed covers nothing, so its writes are recorded by their signals.
	{"bulk, one by one", overHTTP((*world).newMux, "/bulk"), newMemoryStore, map[behavior][]string{
		recordsIntent: {
			"intent article.retitle success by user:alice through api on 2 of title=Old [1 2]",
			"signal article.update success by user:alice through api on article:3, title - -> New",
		},
		forgetsIntent: {
			"signal article.update success by user:alice through api on article:1, title - -> New",
			"signal article.update success by user:alice through api on article:2, title - -> New",
			"signal article.update success by user:alice through api on article:3, title - -> New",
		},
		leavesNoTrace: {"signal audit.coverage.missing success by user:alice through api on route:/bulk/articles/{id}"},
		failsToWrite: {
			"intent article.retitle failure by user:alice through api on 1 of title=Old [1]",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		deniedWrite: {
			"intent article.retitle denied by user:alice through api on 1 of title=Old [1]",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		deniedRequest:     {"intent access.denied denied by user:alice through api on route:/bulk/articles/{id}"},
		panicsBeforeWrite: {"signal article.update success by user:alice through api on article:1, title - -> New"},
		panicsAfterWrite: {
			"signal article.update success by user:alice through api on article:1, title - -> New",
			"signal article.update success by user:alice through api on article:2, title - -> New",
		},
		panicsAfterIntent: {
			"intent article.retitle success by user:alice through api on 2 of title=Old [1 2]",
			"signal article.update success by user:alice through api on article:3, title - -> New",
		},
		canceledBeforeWrite: {
			"intent article.retitle failure by user:alice through api on 1 of title=Old [1]",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		canceledAfterWrite: {
			"intent article.retitle failure by user:alice through api on 2 of title=Old [1 2]",
			"signal article.update success by user:alice through api on article:1, title - -> New",
			"signal article.update success by user:alice through api on article:2, title - -> New",
		},
	}},
	// An UpdateMany of three articles. By design the monitor raises no signal for it.
	{"bulk, one driver statement", overHTTP((*world).newMux, "/statement"), newDriverStore, map[behavior][]string{
		recordsIntent:       {"intent article.retitle success by user:alice through api on 3 of title=Old []"},
		leavesNoTrace:       {"signal audit.coverage.missing success by user:alice through api on route:/statement/articles/{id}"},
		failsToWrite:        {"intent article.retitle failure by user:alice through api on 0 of title=Old []"},
		deniedWrite:         {"intent article.retitle denied by user:alice through api on 0 of title=Old []"},
		deniedRequest:       {"intent access.denied denied by user:alice through api on route:/statement/articles/{id}"},
		panicsBeforeWrite:   nil,
		panicsAfterIntent:   {"intent article.retitle success by user:alice through api on 3 of title=Old []"},
		canceledBeforeWrite: {"intent article.retitle failure by user:alice through api on 0 of title=Old []"},
		canceledAfterWrite:  {"intent article.retitle success by user:alice through api on 3 of title=Old []"},
	}},
}

// withRecord adds a record to all cells.
func withRecord(record string, cells map[behavior][]string) map[behavior][]string {
	for b := range cells {
		cells[b] = append(cells[b], record)
	}
	return cells
}

// unitCell is the outcome of a unit of work, and the records of what is tracked in it.
type unitCell struct {
	outcome string
	records []string
}

// inUnits returns the records of requests that each have a unit of work.
func inUnits(units map[behavior]unitCell) map[behavior][]string {
	cells := map[behavior][]string{}
	for b, u := range units {
		cells[b] = append(slices.Clone(u.records),
			"intent unit.commit unknown by user:alice through api", "intent unit.commit "+u.outcome+" by user:alice through api")
	}
	return cells
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	for _, r := range table {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, b := range behaviors {
				if want, ok := r.cells[b]; ok {
					t.Run(string(b), func(t *testing.T) { r.test(t, b, want) })
				}
			}
		})
	}
}

func (r *row) test(t *testing.T, b behavior, want []string) {
	w := newWorld(t)
	w.store = r.newStore(t, w)
	id := "1"
	if strings.HasPrefix(r.name, "bulk") {
		id = "2"
	}
	k := w.newTask(t.Context(), b, id, "")
	defer k.cancel()
	r.run(t, w, k)

	trail := w.close(t)
	var got []string
	for _, record := range trail {
		got = append(got, render(record))
	}
	assert.Equal(t, slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)))
	w.requireNoLostWrites(t, trail)
	w.store.close(t)
}

// runFunc runs a task and returns when it is finished.
type runFunc func(t *testing.T, w *world, k *task)

// overHTTP runs a task with a request to a server.
func overHTTP(newHandler func(*world) http.Handler, prefix string) runFunc {
	return func(t *testing.T, w *world, k *task) {
		t.Helper()
		server := w.serve(newHandler(w))
		err := sendRequest(t, server.Client(), server.URL+prefix, k)
		server.Close() // waits for the handler
		async := prefix == "/job" || prefix == "/later"
		assert.Equal(t, k.succeeds() || async && k.ctx.Err() == nil, err == nil, "error of the client: %v", err)
		if prefix == "/job" {
			err := w.runJob(t.Context())
			assert.Equal(t, k.succeeds() || k.behavior == canceledAfterWrite, err == nil, "error of the worker: %v", err)
		}
	}
}

// inCommand runs a task as a command-line program does.
func inCommand(actor audit.Actor) runFunc {
	return func(t *testing.T, w *world, k *task) {
		t.Helper()
		k.canceled = k.ctx.Done()
		err := recoverBoom(func() error {
			return audit.Run(contextWithTask(k.ctx, k), func(ctx context.Context) error { return w.updateWithIntent(ctx, k) },
				audit.AsActor(actor), audit.WithChannel(semconv.ChannelCLI))
		})
		assert.Equal(t, k.succeeds() || k.behavior == canceledAfterWrite, err == nil, "error of the command: %v", err)
	}
}

func newMemoryStore(_ *testing.T, w *world) store { return newMemory(w.tracker, "1", "2", "3") }

func newDriverStore(t *testing.T, w *world) store {
	t.Helper()
	return newDriver(t, w.tracker, "1", "2", "3")
}
