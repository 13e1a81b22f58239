package answers_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/opendeed/audit"
	auditconnect "github.com/opendeed/audit/instrumentation/connect"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/test/process"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// withheldArg is the first argument of a process that withholds its answers.
const withheldArg = "serve-withheld"

// The points at which the process waits to be killed, and what it does at each.
const (
	beforeDeed   = "before-deed"
	afterDeed    = "after-deed"
	beforeAnswer = "before-answer"
	afterAnswer  = "after-answer"
)

// deedFile is what the handler writes: it did it.
const deedFile = "deed"

// serveWithheld serves /POINT, and /rpc/POINT by Connect, with a ledger in dir, until its
// standard input ends. At the point it creates a file of that name and waits.
func serveWithheld(dir string) error {
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(filepath.Join(dir, "ledger")))
	if err != nil {
		return err
	}
	reached := func(ctx context.Context, at, point string) {
		if path.Base(at) == point {
			_ = os.WriteFile(filepath.Join(dir, point), nil, 0o600)
			<-ctx.Done()
		}
	}
	deed := func(ctx context.Context, at string, answer func()) {
		reached(ctx, at, beforeDeed)
		_ = os.WriteFile(filepath.Join(dir, deedFile), nil, 0o600)
		answer()
		reached(ctx, at, afterDeed)
	}
	event := audit.Event{Action: "payout.send", Actor: audit.User("alice")}
	handler := http.NewServeMux()
	handler.Handle("/", audithttp.Intent(provider.Tracker("test"), event, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deed(r.Context(), r.URL.Path, func() { _, _ = io.WriteString(w, "paid") })
	}), audithttp.WithheldAnswer()))
	for _, point := range []string{beforeDeed, afterDeed, beforeAnswer, afterAnswer} {
		procedure := "/rpc/" + point
		intents := auditconnect.Intents{procedure: auditconnect.Intent(provider.Tracker("test"), event, auditconnect.WithheldAnswer())}
		handler.Handle(procedure, connect.NewUnaryHandler(procedure, func(ctx context.Context, _ *connect.Request[wrapperspb.StringValue]) (*connect.Response[wrapperspb.StringValue], error) {
			deed(ctx, procedure, func() {})
			return connect.NewResponse(wrapperspb.String("paid")), nil
		}, connect.WithInterceptors(intents)))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(stopping{w, func() { reached(r.Context(), r.URL.Path, beforeAnswer) }}, r)
		_ = http.NewResponseController(w).Flush()
		reached(r.Context(), r.URL.Path, afterAnswer)
	})}
	go func() { _ = server.Serve(listener) }()
	fmt.Println(listener.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// stopping calls a function before something is written.
type stopping struct {
	http.ResponseWriter
	stop func()
}

func (w stopping) Write(b []byte) (int, error) {
	w.stop()
	return w.ResponseWriter.Write(b)
}

// TestKilledWithheld kills the process at each point of a withheld answer. No client has an
// answer that the trail does not have, and no deed is missing in the trail.
func TestKilledWithheld(t *testing.T) {
	t.Parallel()
	requests := map[string]string{
		"net/http": strings.Replace(get, "/a", "/POINT", 1),
		"Connect":  lines("POST /rpc/POINT HTTP/1.1", "Host: example.com", "Content-Type: application/json", "Content-Length: 2", "", `""`),
	}
	for _, tt := range []struct {
		point    string
		deed     bool
		answered bool
		want     []audit.Outcome // of the records of the deed, before the next start
	}{
		{beforeDeed, false, false, []audit.Outcome{audit.OutcomeUnknown}},
		{afterDeed, true, false, []audit.Outcome{audit.OutcomeUnknown}},
		{beforeAnswer, true, false, []audit.Outcome{audit.OutcomeUnknown, audit.OutcomeSuccess}},
		{afterAnswer, true, true, []audit.Outcome{audit.OutcomeUnknown, audit.OutcomeSuccess}},
	} {
		for service, request := range requests {
			t.Run(service+", "+tt.point, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				ledger := filepath.Join(dir, "ledger")
				program, err := os.Executable()
				require.NoError(t, err)
				p, address, err := process.Start(program, withheldArg, dir)
				require.NoError(t, err)
				defer p.Kill()
				conn, err := net.Dial("tcp", address)
				require.NoError(t, err)
				defer conn.Close()
				_, err = io.WriteString(conn, strings.Replace(request, "POINT", tt.point, 1))
				require.NoError(t, err)
				require.Eventually(t, func() bool {
					_, err := os.Stat(filepath.Join(dir, tt.point))
					return err == nil
				}, 20*time.Second, time.Millisecond)
				p.Kill()

				answer, _ := io.ReadAll(conn) // the connection may be reset
				assert.Equal(t, tt.answered, strings.Contains(string(answer), "paid"))
				assert.Equal(t, tt.answered, len(answer) > 0)
				_, err = os.Stat(filepath.Join(dir, deedFile))
				assert.Equal(t, tt.deed, err == nil)
				records := stored(t, ledger)
				require.Len(t, records, len(tt.want))
				for i, r := range records {
					assert.Equal(t, "payout.send", r.Action)
					assert.Equal(t, records[0].ID, r.Attempt)
					assert.Equal(t, tt.want[i], r.Outcome)
				}

				provider, err := sdk.NewTrackerProvider(sdk.WithLedger(ledger))
				require.NoError(t, err)
				require.NoError(t, provider.Shutdown(context.Background()))
				closed := stored(t, ledger)
				require.Len(t, closed, 2, "the next start closes the attempt, unless it was finished")
				assert.Equal(t, records[0].ID, closed[1].Attempt)
				if len(records) == 1 {
					assert.Equal(t, audit.OutcomeUnknown, closed[1].Outcome)
					assert.Equal(t, audit.ActorSystem, closed[1].Actor.Type)
				}
			})
		}
	}
}
