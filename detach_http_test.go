package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pooledRequest is the data of a request that a framework reuses for the next request.
type pooledRequest struct{ user string }

// TestDetachFromRequests sends 1,000 requests of different actors, 50 at a time. Each starts
// a goroutine that tracks events after all requests have ended.
func TestDetachFromRequests(t *testing.T) {
	t.Parallel()
	const requests, concurrency = 1000, 50
	tracker, trail := newTrail(t)
	pool := sync.Pool{New: func() any { return new(pooledRequest) }}
	type pooledKey struct{}
	ended := make(chan struct{})
	var jobs sync.WaitGroup

	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		job, scope, err := audit.Detach(r.Context())
		if !assert.NoError(t, err) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		id := r.URL.Path[1:]
		jobs.Go(func() {
			defer func() { assert.NoError(t, scope.End(job)) }()
			<-ended
			assert.NoError(t, job.Err())
			assert.NoError(t, tracker.Track(job, intent(audit.OperationUpdate, article(id))))
			assert.NoError(t, tracker.Track(job, signal(audit.OperationUpdate, article(id))))
			assert.NoError(t, tracker.Track(job, signal(audit.OperationDelete, article(id))))
		})
		w.WriteHeader(http.StatusAccepted)
	})
	middleware := audithttp.Middleware(audithttp.WithChannel("api"), audithttp.WithActor(func(r *http.Request) (audit.Actor, error) {
		return audit.User(r.Context().Value(pooledKey{}).(*pooledRequest).user), nil
	}))(handler)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pooled := pool.Get().(*pooledRequest)
		pooled.user = r.Header.Get("User")
		middleware.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), pooledKey{}, pooled)))
		pooled.user = "user of another request"
		pool.Put(pooled)
	}))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}}

	var clients sync.WaitGroup
	for c := range concurrency {
		clients.Go(func() {
			for i := c; i < requests; i += concurrency {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("%s/%d", server.URL, i), http.NoBody)
				assert.NoError(t, err)
				r.Header.Set("User", fmt.Sprint("user-", i))
				response, err := client.Do(r)
				if assert.NoError(t, err) {
					assert.Equal(t, http.StatusAccepted, response.StatusCode)
					response.Body.Close()
				}
			}
		})
	}
	clients.Wait()
	client.CloseIdleConnections()
	server.Close()
	assert.Empty(t, trail.all())
	close(ended)
	jobs.Wait()

	seen := map[string]int{}
	for _, r := range trail.all() {
		assert.Equal(t, audit.User("user-"+r.Target.ID), r.Actor)
		assert.Equal(t, "api", r.Channel)
		assert.Equal(t, "/"+r.Target.ID, metadataOf(r, "url.path"))
		assert.Equal(t, "127.0.0.1", metadataOf(r, "client.address"))
		seen[r.Kind.String()+" "+r.Action]++
	}
	require.Equal(t, map[string]int{"intent intent.update": requests, "signal article.delete": requests}, seen)
}

func metadataOf(r *record.Record, key string) string {
	for _, kv := range r.Metadata {
		if string(kv.Key) == key {
			return kv.Value.AsString()
		}
	}
	return ""
}
