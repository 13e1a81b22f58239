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

// row is a way to change an article, with the records that it leaves, by what the code
// does. A deed that is not there cannot be done in that way.
type row struct {
	name   string
	change way
	data   func(t *testing.T, w *world) store
	cells  map[deed][]string
}

// table says who changed it and how. Alice asks for a new title of article 1, or of
// article 2 among those of a bulk change. The title was Old, and is to be New.
var table = []row{
	{"API, net/http, the handler states", served((*world).site, "/api"), inMemory, map[deed][]string{
		states:      {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgets:     {"signal article.update success by user:alice through api on article:1, title - -> New"},
		blind:       {"signal audit.coverage.missing success by user:alice through api on route:/api/articles/{id}"},
		fails:       {"intent article.update failure by user:alice through api on article:1"},
		denied:      {"intent article.update denied by user:alice through api on article:1"},
		refused:     {"intent access.denied denied by user:alice through api on route:/api/articles/{id}"},
		panicsEarly: nil,
		panics:      {"signal article.update success by user:alice through api on article:1, title - -> New"},
		panicsLast:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		goneEarly:   {"intent article.update failure by user:alice through api on article:1"},
		gone:        {"intent article.update success by user:alice through api on article:1, title Old -> New"},
	}},
	{"API, net/http, the route states", served((*world).site, "/route"), inMemory, map[deed][]string{
		states: {"intent article.update success by user:alice through api on article:1"},
		twice:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgets: { // which article it is about, so that the intent covers none
			"intent article.update success by user:alice through api",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		fails:       {"intent article.update failure by user:alice through api on article:1"},
		denied:      {"intent article.update denied by user:alice through api on article:1"},
		refused:     {"intent article.update denied by user:alice through api"},
		panicsEarly: {"intent article.update failure by user:alice through api on article:1"},
		panics: { // the request failed, and what it had written stays
			"intent article.update failure by user:alice through api on article:1",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		goneEarly: {"intent article.update failure by user:alice through api on article:1"},
		gone:      {"intent article.update success by user:alice through api on article:1"},
	}},
	{"API, Echo, the handler states", served((*world).echoSite, "/api"), inMemory, map[deed][]string{
		states:      {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgets:     {"signal article.update success by user:alice through api on article:1, title - -> New"},
		blind:       {"signal audit.coverage.missing success by user:alice through api on route:/api/articles/:id"},
		fails:       {"intent article.update failure by user:alice through api on article:1"},
		denied:      {"intent article.update denied by user:alice through api on article:1"},
		refused:     {"intent access.denied denied by user:alice through api on route:/api/articles/:id"},
		panicsEarly: nil,
		panics:      {"signal article.update success by user:alice through api on article:1, title - -> New"},
		panicsLast:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		goneEarly:   {"intent article.update failure by user:alice through api on article:1"},
		gone:        {"intent article.update success by user:alice through api on article:1, title Old -> New"},
	}},
	{"API, Echo, the route states", served((*world).echoSite, "/route"), inMemory, map[deed][]string{
		states: {"intent article.update success by user:alice through api on article:1"},
		twice:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgets: { // which article it is about, so that the intent covers none
			"intent article.update success by user:alice through api",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		fails:       {"intent article.update failure by user:alice through api on article:1"},
		denied:      {"intent article.update denied by user:alice through api on article:1"},
		refused:     {"intent article.update denied by user:alice through api"},
		panicsEarly: {"intent article.update failure by user:alice through api on article:1"},
		panics: {
			"intent article.update failure by user:alice through api on article:1",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		goneEarly: {"intent article.update failure by user:alice through api on article:1"},
		gone:      {"intent article.update success by user:alice through api on article:1"},
	}},
	{"admin, net/http, a second middleware", served((*world).site, "/admin"), inMemory, map[deed][]string{
		states:      {"intent article.update success by user:root-of-alice for user:carol through admin on article:1, title Old -> New, because spam"},
		forgets:     {"signal article.update success by user:root-of-alice for user:carol through admin on article:1, title - -> New"},
		blind:       {"signal audit.coverage.missing success by user:root-of-alice for user:carol through admin on route:/admin/articles/{id}"},
		fails:       {"intent article.update failure by user:root-of-alice for user:carol through admin on article:1, because spam"},
		denied:      {"intent article.update denied by user:root-of-alice for user:carol through admin on article:1, because spam"},
		refused:     {"intent access.denied denied by user:root-of-alice for user:carol through admin on route:/admin/articles/{id}"},
		panicsEarly: nil,
		panics:      {"signal article.update success by user:root-of-alice for user:carol through admin on article:1, title - -> New"},
		panicsLast:  {"intent article.update success by user:root-of-alice for user:carol through admin on article:1, title Old -> New, because spam"},
		goneEarly:   {"intent article.update failure by user:root-of-alice for user:carol through admin on article:1, because spam"},
		gone:        {"intent article.update success by user:root-of-alice for user:carol through admin on article:1, title Old -> New, because spam"},
	}},
	{"admin, Echo, a group", served((*world).echoSite, "/admin"), inMemory, map[deed][]string{
		states:      {"intent article.update success by user:root-of-alice for user:carol through admin on article:1, title Old -> New, because spam"},
		forgets:     {"signal article.update success by user:root-of-alice for user:carol through admin on article:1, title - -> New"},
		blind:       {"signal audit.coverage.missing success by user:root-of-alice for user:carol through admin on route:/admin/articles/:id"},
		fails:       {"intent article.update failure by user:root-of-alice for user:carol through admin on article:1, because spam"},
		denied:      {"intent article.update denied by user:root-of-alice for user:carol through admin on article:1, because spam"},
		refused:     {"intent access.denied denied by user:root-of-alice for user:carol through admin on route:/admin/articles/:id"},
		panicsEarly: nil,
		panics:      {"signal article.update success by user:root-of-alice for user:carol through admin on article:1, title - -> New"},
		panicsLast:  {"intent article.update success by user:root-of-alice for user:carol through admin on article:1, title Old -> New, because spam"},
		goneEarly:   {"intent article.update failure by user:root-of-alice for user:carol through admin on article:1, because spam"},
		gone:        {"intent article.update success by user:root-of-alice for user:carol through admin on article:1, title Old -> New, because spam"},
	}},
	// The request that asks for the job is there in any case.
	{"job, by a token", served((*world).site, "/job"), inMemory, with(
		"intent article.request_update success by user:alice through api on article:1", map[deed][]string{
			states:      {"intent article.update success by user:alice through job from api on article:1, title Old -> New"},
			forgets:     {"signal article.update success by user:alice through job from api on article:1, title - -> New"},
			fails:       {"intent article.update failure by user:alice through job from api on article:1"},
			denied:      {"intent article.update denied by user:alice through job from api on article:1"},
			panicsEarly: nil,
			panics:      {"signal article.update success by user:alice through job from api on article:1, title - -> New"},
			panicsLast:  {"intent article.update success by user:alice through job from api on article:1, title Old -> New"},
			goneEarly:   {"intent article.update failure by user:alice through job from api on article:1"},
			gone:        {"intent article.update success by user:alice through job from api on article:1, title Old -> New"},
		})},
	// It begins when the request is over, and is not cancelled with it.
	{"a goroutine that was detached", served((*world).site, "/later"), inMemory, with(
		"intent article.request_update success by user:alice through api on article:1", map[deed][]string{
			states:      {"intent article.update success by user:alice through api on article:1, title Old -> New"},
			forgets:     {"signal article.update success by user:alice through api on article:1, title - -> New"},
			fails:       {"intent article.update failure by user:alice through api on article:1"},
			denied:      {"intent article.update denied by user:alice through api on article:1"},
			panicsEarly: nil,
			panics:      {"signal article.update success by user:alice through api on article:1, title - -> New"},
			panicsLast:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
			goneEarly:   {"intent article.update success by user:alice through api on article:1, title Old -> New"},
			gone:        {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		})},
	{"CLI, run by a user", command(audit.User("dora")), inMemory, map[deed][]string{
		states:      {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
		forgets:     {"signal article.update success by user:dora through cli on article:1, title - -> New"},
		fails:       {"intent article.update failure by user:dora through cli on article:1"},
		denied:      {"intent article.update denied by user:dora through cli on article:1"},
		panicsEarly: nil,
		panics:      {"signal article.update success by user:dora through cli on article:1, title - -> New"},
		panicsLast:  {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
		goneEarly:   {"intent article.update failure by user:dora through cli on article:1"},
		gone:        {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
	}},
	{"CLI, run by the system", command(audit.System("cron")), inMemory, map[deed][]string{
		states:      {"intent article.update success by system:cron through cli on article:1, title Old -> New"},
		forgets:     {"signal article.update success by system:cron through cli on article:1, title - -> New"},
		fails:       {"intent article.update failure by system:cron through cli on article:1"},
		denied:      {"intent article.update denied by system:cron through cli on article:1"},
		panicsEarly: nil,
		panics:      {"signal article.update success by system:cron through cli on article:1, title - -> New"},
		panicsLast:  {"intent article.update success by system:cron through cli on article:1, title Old -> New"},
		goneEarly:   {"intent article.update failure by system:cron through cli on article:1"},
		gone:        {"intent article.update success by system:cron through cli on article:1, title Old -> New"},
	}},
	// Its panics are those of the store; it is forgotten by use of the store itself.
	{"repository", served((*world).site, "/repository"), inMemory, map[deed][]string{
		states:      {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgets:     {"signal article.update success by user:alice through api on article:1, title - -> New"},
		blind:       {"signal audit.coverage.missing success by user:alice through api on route:/repository/articles/{id}"},
		fails:       {"intent article.update failure by user:alice through api on article:1"},
		denied:      {"intent article.update denied by user:alice through api on article:1"},
		refused:     {"intent access.denied denied by user:alice through api on route:/repository/articles/{id}"},
		panicsEarly: {"intent article.update failure by user:alice through api on article:1"},
		panics: { // the call failed, and what it had written stays
			"intent article.update failure by user:alice through api on article:1",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		panicsLast: {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		goneEarly:  {"intent article.update failure by user:alice through api on article:1"},
		gone:       {"intent article.update success by user:alice through api on article:1, title Old -> New"},
	}},
	// The signals are those of the monitor. What fails is refused by the server; blind is an UpdateMany.
	{"raw driver, in a command", command(audit.User("dora")), onMongoDB, map[deed][]string{
		states:      {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
		forgets:     {"signal article.update success by user:dora through cli on article:1, title - -> New"},
		fails:       {"intent article.update failure by user:dora through cli on article:1"},
		denied:      {"intent article.update denied by user:dora through cli on article:1"},
		panicsEarly: nil,
		panics:      {"signal article.update success by user:dora through cli on article:1, title - -> New"},
		panicsLast:  {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
		goneEarly:   {"intent article.update failure by user:dora through cli on article:1"},
		gone:        {"intent article.update success by user:dora through cli on article:1, title Old -> New"},
	}},
	{"raw driver, in an API", served((*world).site, "/api"), onMongoDB, map[deed][]string{
		states:      {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgets:     {"signal article.update success by user:alice through api on article:1, title - -> New"},
		blind:       {"signal audit.coverage.missing success by user:alice through api on route:/api/articles/{id}"},
		fails:       {"intent article.update failure by user:alice through api on article:1"},
		denied:      {"intent article.update denied by user:alice through api on article:1"},
		refused:     {"intent access.denied denied by user:alice through api on route:/api/articles/{id}"},
		panicsEarly: nil,
		panics:      {"signal article.update success by user:alice through api on article:1, title - -> New"},
		panicsLast:  {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		goneEarly:   {"intent article.update failure by user:alice through api on article:1"},
		gone:        {"intent article.update success by user:alice through api on article:1, title Old -> New"},
	}},
	{"raw driver, in a repository", served((*world).site, "/repository"), onMongoDB, map[deed][]string{
		states:      {"intent article.update success by user:alice through api on article:1, title Old -> New"},
		forgets:     {"signal article.update success by user:alice through api on article:1, title - -> New"},
		fails:       {"intent article.update failure by user:alice through api on article:1"},
		panicsEarly: {"intent article.update failure by user:alice through api on article:1"},
		panics: {
			"intent article.update failure by user:alice through api on article:1",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		goneEarly: {"intent article.update failure by user:alice through api on article:1"},
		gone:      {"intent article.update success by user:alice through api on article:1, title Old -> New"},
	}},
	// Articles 1 and 2 are stated as one change, and article 3 is written beside them. A
	// change that did not succeed covers nothing: what it had written is there by its signals.
	{"bulk, one by one", served((*world).site, "/bulk"), inMemory, map[deed][]string{
		states: {
			"intent article.retitle success by user:alice through api on 2 of title=Old [1 2]",
			"signal article.update success by user:alice through api on article:3, title - -> New",
		},
		forgets: {
			"signal article.update success by user:alice through api on article:1, title - -> New",
			"signal article.update success by user:alice through api on article:2, title - -> New",
			"signal article.update success by user:alice through api on article:3, title - -> New",
		},
		blind: {"signal audit.coverage.missing success by user:alice through api on route:/bulk/articles/{id}"},
		fails: {
			"intent article.retitle failure by user:alice through api on 1 of title=Old [1]",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		denied: {
			"intent article.retitle denied by user:alice through api on 1 of title=Old [1]",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		refused:     {"intent access.denied denied by user:alice through api on route:/bulk/articles/{id}"},
		panicsEarly: {"signal article.update success by user:alice through api on article:1, title - -> New"},
		panics: {
			"signal article.update success by user:alice through api on article:1, title - -> New",
			"signal article.update success by user:alice through api on article:2, title - -> New",
		},
		panicsLast: {
			"intent article.retitle success by user:alice through api on 2 of title=Old [1 2]",
			"signal article.update success by user:alice through api on article:3, title - -> New",
		},
		goneEarly: {
			"intent article.retitle failure by user:alice through api on 1 of title=Old [1]",
			"signal article.update success by user:alice through api on article:1, title - -> New",
		},
		gone: {
			"intent article.retitle failure by user:alice through api on 2 of title=Old [1 2]",
			"signal article.update success by user:alice through api on article:1, title - -> New",
			"signal article.update success by user:alice through api on article:2, title - -> New",
		},
	}},
	// An UpdateMany of three articles, for which the monitor raises no signal by design.
	{"bulk, one statement of the driver", served((*world).site, "/statement"), onMongoDB, map[deed][]string{
		states:      {"intent article.retitle success by user:alice through api on 3 of title=Old []"},
		blind:       {"signal audit.coverage.missing success by user:alice through api on route:/statement/articles/{id}"},
		fails:       {"intent article.retitle failure by user:alice through api on 0 of title=Old []"},
		denied:      {"intent article.retitle denied by user:alice through api on 0 of title=Old []"},
		refused:     {"intent access.denied denied by user:alice through api on route:/statement/articles/{id}"},
		panicsEarly: nil,
		panicsLast:  {"intent article.retitle success by user:alice through api on 3 of title=Old []"},
		goneEarly:   {"intent article.retitle failure by user:alice through api on 0 of title=Old []"},
		gone:        {"intent article.retitle success by user:alice through api on 3 of title=Old []"},
	}},
}

// with adds a record to all cells.
func with(first string, cells map[deed][]string) map[deed][]string {
	for d := range cells {
		cells[d] = append(cells[d], first)
	}
	return cells
}

func TestWhoChangedItAndHow(t *testing.T) {
	t.Parallel()
	for _, r := range table {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, d := range deeds {
				if want, there := r.cells[d]; there {
					t.Run(string(d), func(t *testing.T) { r.test(t, d, want) })
				}
			}
		})
	}
}

func (r *row) test(t *testing.T, d deed, want []string) {
	w := newWorld(t)
	w.store = r.data(t, w)
	id := "1"
	if strings.HasPrefix(r.name, "bulk") {
		id = "2"
	}
	k := w.newTask(t.Context(), d, id, "")
	defer k.cancel()
	r.change(t, w, k)

	trail := w.close(t)
	var got []string
	for _, record := range trail {
		got = append(got, render(record))
	}
	assert.Equal(t, slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)))
	w.requireNothingLost(t, trail)
	w.store.close(t)
}

// way has the task done, and returns when it is done.
type way func(t *testing.T, w *world, k *task)

// served is a way through a server.
func served(site func(*world) http.Handler, door string) way {
	return func(t *testing.T, w *world, k *task) {
		t.Helper()
		server := w.serve(site(w))
		err := ask(t, server.Client(), server.URL+door, k)
		server.Close() // it waits for the handler
		later := door == "/job" || door == "/later"
		assert.Equal(t, k.succeeds() || later && k.ctx.Err() == nil, err == nil, "the client was told: %v", err)
		if door == "/job" {
			err := w.serveJob(t.Context())
			assert.Equal(t, k.succeeds() || k.deed == gone, err == nil, "the worker was told: %v", err)
		}
	}
}

// command is a way through a program's main function.
func command(actor audit.Actor) way {
	return func(t *testing.T, w *world, k *task) {
		t.Helper()
		k.gone = k.ctx.Done()
		err := quietly(func() error {
			return audit.Run(k.within(k.ctx), func(ctx context.Context) error { return w.byHand(ctx, k) },
				audit.WithActor(actor), audit.WithChannel(semconv.ChannelCLI))
		})
		assert.Equal(t, k.succeeds() || k.deed == gone, err == nil, "the command was told: %v", err)
	}
}

func inMemory(_ *testing.T, w *world) store { return newMemory(w.tracker, "1", "2", "3") }

func onMongoDB(t *testing.T, w *world) store {
	t.Helper()
	return newDriver(t, w.tracker, "1", "2", "3")
}
