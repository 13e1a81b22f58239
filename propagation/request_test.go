package propagation_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/propagation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMarshalAnyRequest: nothing that a client sends can make a token too long.
func TestMarshalAnyRequest(t *testing.T) {
	t.Parallel()
	key := newKey(t, "k1", testSecret)
	server := httptest.NewServer(audithttp.Middleware(
		audithttp.WithActor(func(*http.Request) (audit.Actor, error) { return audit.User("1"), nil }), audithttp.WithChannel("api"),
	)(audithttp.Middleware(audithttp.WithRoute(func(*http.Request) string { return strings.Repeat(`"`, 600) }))(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			token, err := propagation.Marshal(r.Context(), key, "worker", time.Minute)
			assert.NoError(t, err)
			assert.Greater(t, len(token), 4*1024)
		}))))
	defer server.Close()
	const quotes = 2000
	r, err := http.NewRequestWithContext(t.Context(), strings.Repeat("M", quotes), server.URL+"/"+strings.Repeat("%22", quotes), http.NoBody)
	require.NoError(t, err)
	for _, header := range []string{"User-Agent", "X-Request-Id", "X-Forwarded-For"} {
		r.Header.Set(header, strings.Repeat(`"`, quotes))
	}
	client := &http.Client{Transport: &http.Transport{}}
	response, err := client.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusOK, response.StatusCode)
	client.CloseIdleConnections()
}
