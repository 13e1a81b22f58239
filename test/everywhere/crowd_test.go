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

// TestCrowd sends 1,000 requests at once to one server, each of its own actor about its
// own article. Each must leave what the table says, with its own actor and target.
func TestCrowd(t *testing.T) {
	t.Parallel()
	const requests = 1000
	doors := map[string]*row{} // by the door, those of net/http that the table has
	for i := range table {
		switch r := &table[i]; r.name {
		case "API, net/http, the handler states":
			doors["/api"] = r
		case "API, net/http, the route states":
			doors["/route"] = r
		case "admin, net/http, a second middleware":
			doors["/admin"] = r
		case "repository":
			doors["/repository"] = r
		}
	}
	require.Len(t, doors, 4)
	type kind struct {
		door string
		deed
	}
	var kinds []kind
	for door, r := range doors {
		for _, d := range deeds {
			if _, there := r.cells[d]; there {
				kinds = append(kinds, kind{door, d})
			}
		}
	}

	w := newWorld(t)
	ids := make([]string, requests)
	for i := range ids {
		ids[i] = strconv.Itoa(i + 1)
	}
	w.store = newMemory(w.tracker, ids...)
	server := w.serve(w.site())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var want []string
	var clients sync.WaitGroup
	start := make(chan struct{})
	for i, id := range ids {
		is := kinds[i%len(kinds)]
		k := w.newTask(t.Context(), is.deed, id, "-"+id)
		own := strings.NewReplacer("alice", "alice-"+id, "carol", "carol-"+id, "article:1", "article:"+id)
		for _, line := range doors[is.door].cells[is.deed] {
			want = append(want, own.Replace(line))
		}
		clients.Go(func() {
			defer k.cancel()
			<-start
			err := ask(t, client, server.URL+is.door, k)
			assert.Equal(t, is.succeeds(), err == nil, "%s %s: %v", is.door, is.deed, err)
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
	w.requireNothingLost(t, trail)
}
