package answers_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/test/process"
	"github.com/stretchr/testify/require"
)

// streamsArg is the first argument of a process that serves streams.
const streamsArg = "serve-streams"

// serveStreams serves streams with a ledger in dir until its standard input ends.
func serveStreams(dir string) error {
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir))
	if err != nil {
		return err
	}
	tracker := provider.Tracker("test")
	route := func(action string, h http.HandlerFunc) http.Handler {
		return audithttp.Intent(tracker, audit.Event{Action: action, Target: audit.Target{Type: "stream"}}, h)
	}
	mux := http.NewServeMux()
	mux.Handle("/events", route("events.stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		audit.SetTarget(r.Context(), audit.Target{Type: "stream", ID: "7"})
		_, _ = io.WriteString(w, "data: secret\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	mux.Handle("/socket", route("socket.open", func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		_ = rw.Flush()
		_, _ = rw.ReadByte()
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: audithttp.Middleware(
		audithttp.WithActor(func(*http.Request) (audit.Actor, error) { return audit.User("alice"), nil }))(mux)}
	go func() { _ = server.Serve(listener) }()
	fmt.Println(listener.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// TestKilledStream kills the process while a client has a stream open. That the stream was
// opened is on record before the client gets anything, and a restart closes it.
func TestKilledStream(t *testing.T) {
	t.Parallel()
	for path, action := range map[string]string{"/events": "events.stream", "/socket": "socket.open"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			program, err := os.Executable()
			require.NoError(t, err)
			p, address, err := process.Start(program, streamsArg, dir)
			require.NoError(t, err)
			defer p.Kill()
			conn, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, strings.Replace(strings.Replace(get, "/a", path, 1), "Connection: close\r\n", "", 1))
			require.NoError(t, err)
			_, err = bufio.NewReader(conn).ReadString('\n')
			require.NoError(t, err)

			open := stored(t, dir)
			require.Len(t, open, 1)
			begun := open[0]
			require.Equal(t, action, begun.Action)
			require.Equal(t, begun.ID, begun.Attempt)
			require.Equal(t, audit.OutcomeUnknown, begun.Outcome)
			require.Equal(t, "alice", begun.Actor.ID)
			p.Kill()

			provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir))
			require.NoError(t, err)
			require.NoError(t, provider.Shutdown(context.Background()))
			closed := stored(t, dir)
			require.Len(t, closed, 2)
			require.Equal(t, begun.ID, closed[0].ID)
			require.Equal(t, begun.ID, closed[1].Attempt)
			require.Equal(t, audit.OutcomeUnknown, closed[1].Outcome)
			require.Equal(t, audit.ActorSystem, closed[1].Actor.Type)
		})
	}
}

// stored returns the records of a ledger, oldest first.
func stored(t *testing.T, dir string) []*record.Record {
	t.Helper()
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	var records []*record.Record
	for r, err := range reader.Find(t.Context(), query.Filter{Ascending: true}) {
		require.NoError(t, err)
		records = append(records, r.Clone())
	}
	return records
}
