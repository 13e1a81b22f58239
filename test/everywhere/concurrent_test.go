package everywhere_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConcurrentRequests sends 1,000 requests at once to one server, each with its own
// actor and article. Each must yield the records in the table, with its own actor and
// target.
func TestConcurrentRequests(t *testing.T) {
	t.Parallel()
	const requests = 1000
	rows := map[string]*row{} // of net/http, by path prefix
	for i := range table {
		switch r := &table[i]; r.name {
		case "API, net/http, intent in the handler":
			rows["/api"] = r
		case "API, net/http, intent on the route":
			rows["/route"] = r
		case "admin, net/http, nested middleware":
			rows["/admin"] = r
		case "repository":
			rows["/repository"] = r
		}
	}
	require.Len(t, rows, 4)
	type requestKind struct {
		prefix string
		behavior
	}
	var kinds []requestKind
	for prefix, r := range rows {
		for _, b := range behaviors {
			if _, ok := r.cells[b]; ok {
				kinds = append(kinds, requestKind{prefix, b})
			}
		}
	}

	w := newWorld(t)
	ids := make([]string, requests)
	for i := range ids {
		ids[i] = strconv.Itoa(i + 1)
	}
	w.store = newMemory(w.tracker, ids...)
	server := w.serve(w.newMux())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var want []string
	var clients sync.WaitGroup
	start := make(chan struct{})
	for i, id := range ids {
		kind := kinds[i%len(kinds)]
		k := w.newTask(t.Context(), kind.behavior, id, "-"+id)
		personalize := strings.NewReplacer("alice", "alice-"+id, "carol", "carol-"+id, "article:1", "article:"+id)
		for _, line := range rows[kind.prefix].cells[kind.behavior] {
			want = append(want, personalize.Replace(line))
		}
		clients.Go(func() {
			defer k.cancel()
			<-start
			err := sendRequest(t, client, server.URL+kind.prefix, k)
			assert.Equal(t, kind.succeeds(), err == nil, "%s %s: %v", kind.prefix, kind.behavior, err)
		})
	}
	close(start)
	clients.Wait()
	server.Close()

	trail := w.close(t)
	got := make([]string, len(trail))
	for i, record := range trail {
		got[i] = render(record)
	}
	assert.Equal(t, slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)))
	w.requireNoLostWrites(t, trail)
}
