package audithttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// from returns a client whose address is in the network 127.0.n.0/24.
func from(n int) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(n), 1)}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
}

// TestDenialFlood denies thousands of requests from many networks, and some of an insider,
// while an administrator sends payouts. The ledger is too small for all of that.
func TestDenialFlood(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("other systems have one loopback address")
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	p, err := sdk.NewTrackerProvider(sdk.WithLogger(slog.New(slog.DiscardHandler)), sdk.WithTrackTimeout(2*time.Second),
		sdk.WithLedger(dir, ledger.WithSegmentSize(128<<10), ledger.WithMaxSize(1<<20), ledger.WithSyncInterval(time.Second)))
	require.NoError(t, err)
	tracker := p.Tracker("test")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payouts/{id}", func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("User") {
		case "admin":
			err := tracker.Track(r.Context(), audit.Event{
				Action: "payout.send", Operation: audit.OperationExecute, Outcome: audit.OutcomeSuccess,
				Target: audit.Target{Type: "payout", ID: r.PathValue("id")},
			})
			if err != nil {
				http.Error(w, "not recorded", http.StatusInternalServerError)
			}
		case "":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	})
	server := serve(t, audithttp.Middleware(
		audithttp.WithActor(byUser),
		audithttp.WithDenials(tracker),
		audithttp.WithErrorHandler(func(_ context.Context, err error) { t.Error(err) }),
	)(mux))
	post := func(client *http.Client, user string, id int) (status int, err error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("%s/payouts/%d", server.URL, id), nil)
		if err != nil {
			return 0, err
		}
		if user != "" {
			request.Header.Set("User", user)
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, response.Body)
		return response.StatusCode, errors.Join(err, response.Body.Close())
	}

	const networks, each, payouts = 40, 100, 200
	var wg sync.WaitGroup
	for n := range networks {
		wg.Go(func() {
			client := from(n + 1)
			defer client.CloseIdleConnections()
			for i := range each {
				status, err := post(client, "", i)
				if !assert.NoError(t, err) || !assert.Equal(t, http.StatusUnauthorized, status) {
					return
				}
			}
		})
	}
	wg.Go(func() {
		client := from(200)
		defer client.CloseIdleConnections()
		for i := range payouts {
			status, err := post(client, "admin", i)
			assert.NoError(t, err)
			assert.Equal(t, http.StatusOK, status, "payout %d", i)
			if i%20 == 0 {
				status, err = post(client, "insider", i)
				assert.NoError(t, err)
				assert.Equal(t, http.StatusForbidden, status)
			}
		}
	})
	wg.Wait()
	require.NoError(t, p.Shutdown(t.Context()))

	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	sent, insider, denied := 0, 0, int64(0)
	for r, err := range reader.Find(t.Context(), query.Filter{}) {
		require.NoError(t, err)
		switch {
		case r.Action == "payout.send":
			sent++
		case r.Actor.ID == "insider":
			insider++
			assert.True(t, r.Bulk.IsZero(), "whole")
		case r.Outcome == audit.OutcomeDenied:
			assert.Equal(t, semconv.ActionAccessDenied, r.Action)
			denied += max(1, r.Bulk.Affected)
		default:
			assert.True(t, r.BeginsAttempt())
		}
	}
	assert.Equal(t, payouts, sent)
	assert.Equal(t, payouts/20, insider)
	assert.EqualValues(t, networks*each, denied, "every denial is a record, or is counted")
}
