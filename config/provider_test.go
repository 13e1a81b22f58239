package config_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// events are the events that the tests track.
var events = []audit.Event{
	{Action: "article.update", Actor: audit.User("42"), Target: audit.Target{Type: "article", ID: "1"}, Outcome: audit.OutcomeSuccess},
	{Action: "user.login", Actor: audit.User("42"), Target: audit.Target{Type: "user", ID: "42"}, Outcome: audit.OutcomeSuccess},
	{Action: "article.delete", Actor: audit.User("42"), Target: audit.Target{Type: "article", ID: "1"}, Outcome: audit.OutcomeDenied},
	{Action: "article.read", Actor: audit.Anonymous(), Target: audit.Target{Type: "article", ID: "1"}, Outcome: audit.OutcomeSuccess},
}

func track(t *testing.T, p *sdk.TrackerProvider) {
	t.Helper()
	for _, e := range events {
		require.NoError(t, p.Tracker("test").Track(t.Context(), e))
	}
}

// actions returns the actions of JSON lines, in order.
func actions(lines string) (found []string) {
	for line := range strings.Lines(lines) {
		_, rest, _ := strings.Cut(line, `"action":"`)
		action, _, _ := strings.Cut(rest, `"`)
		found = append(found, action)
	}
	return found
}

// The ledger has all records, stdout those about security.
func TestLedgerAndFilter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	t.Setenv("TEST_DIR", dir)
	file := write(t, "deploy.yaml", `
service: {name: shop, attributes: {deployment.environment.name: test}}
anonymous: [article.read]
validation: {required: [{actions: ["article.*"], fields: [target]}]}
redaction: {keys: [{pattern: "customer.*"}]}
ledger: {dir: "${TEST_DIR}"}
exporters:
  - type: stdout
    filter: [{actions: ["user.*"]}, {outcomes: [denied]}]
`)
	t.Setenv("OTEL_SERVICE_NAME", "not this")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=1.2,deployment.environment.name=not-this")
	var out bytes.Buffer
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&out))
	require.NoError(t, err)
	track(t, p)
	err = p.Tracker("test").Track(t.Context(), audit.Event{Action: "article.update", Actor: audit.User("42")})
	require.ErrorContains(t, err, "target")
	err = p.Tracker("test").Track(t.Context(), audit.Event{Action: "article.like", Actor: audit.Anonymous(), Target: events[0].Target})
	require.ErrorIs(t, err, policy.ErrAnonymousNotAllowed)
	require.NoError(t, p.Shutdown(t.Context()))

	assert.Equal(t, []string{"user.login", "article.delete"}, actions(out.String()))
	assert.Contains(t, out.String(), `"resource":{"deployment.environment.name":"test","service.name":"shop","service.version":"1.2"}`)
	reader, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer reader.Close()
	n := 0
	for _, err := range reader.Entries(t.Context(), 1) {
		require.NoError(t, err)
		n++
	}
	const rejected = 2
	assert.Equal(t, len(events)+rejected, n)
}

// Without a ledger, one exporter gets all records synchronously, and another gets filtered
// records in batches.
func TestSyncAndBatch(t *testing.T) {
	file := write(t, "deploy.yaml", `
anonymous: ["*"]
exporters:
  - {type: stdout, name: first}
  - type: stdout
    delivery: batch
    batch: {queue_size: 10, batch_size: 2, interval: 1h}
    filter: {targets: ["user*", none], kinds: [intent], channels: [""]}
`)
	_, err := config.Load(t.Context(), config.WithFile(file))
	require.ErrorContains(t, err, "filter.channels[0]: it is empty")
	file = write(t, "deploy.yaml", `
anonymous: ["*"]
exporters:
  - {type: stdout, name: first}
  - type: stdout
    delivery: batch
    batch: {queue_size: 10, batch_size: 2, interval: 1h}
    filter: {targets: ["u*r", none], kinds: [intent], channels: ["a*"]}
`)
	var out lockedBuffer
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&out))
	require.NoError(t, err)
	track(t, p)
	assert.Equal(t, []string{"article.update", "user.login", "article.delete", "article.read"}, actions(out.String()))
	ctx, scope := audit.NewScope(t.Context(), audit.WithChannel("admin"))
	require.NoError(t, p.Tracker("test").Track(ctx, events[1]))
	require.NoError(t, scope.End(ctx))
	assert.Len(t, actions(out.String()), 5, "the batch is not full")
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, []string{"article.update", "user.login", "article.delete", "article.read", "user.login", "user.login"}, actions(out.String()))
}

// TestStdoutFile appends to a file, also if the program has another destination.
func TestStdoutFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trail.jsonl")
	t.Setenv("TEST_PATH", path)
	file := write(t, "deploy.yaml", "anonymous: ['*']\nexporters: [{type: stdout, file: '${TEST_PATH}'}]\n")
	var out bytes.Buffer
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&out))
	require.NoError(t, err)
	track(t, p)
	require.NoError(t, p.Shutdown(t.Context()))
	lines, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Len(t, actions(string(lines)), len(events))
	assert.Empty(t, out.String())

	t.Setenv("TEST_PATH", filepath.Dir(path))
	require.ErrorContains(t, config.Check(t.Context(), config.WithFile(file)), "exporters[0].file: it is a directory")
}

// lockedBuffer is a buffer that is safe for concurrent use.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// pemOf returns the server's certificate.
func pemOf(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// Environment variables are enough; OpenTelemetry's variables configure OTLP.
func TestOTLPFromEnvironment(t *testing.T) {
	var requests atomic.Int32
	var authorization atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		requests.Add(1)
		authorization.Store(r.Header.Get("Authorization"))
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	t.Setenv("AUDIT_EXPORTERS", "otlp")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2")
	p, err := config.NewTrackerProvider(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.Tracker("test").Track(t.Context(), events[0]))
	require.NoError(t, p.Shutdown(t.Context()))
	assert.EqualValues(t, 1, requests.Load())
	assert.Equal(t, "Bearer hunter2", authorization.Load())
}

// Keys of the file take precedence over OpenTelemetry's variables.
func TestOTLPFromFile(t *testing.T) {
	got := make(chan http.Header, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = io.Copy(io.Discard, r.Body)
		got <- r.Header.Clone()
	}))
	defer server.Close()
	setenv(t, map[string]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS": "a=b",
		"OTEL_EXPORTER_OTLP_COMPRESSION": "none", "TEST_URL": server.URL, "TEST_TOKEN": "hunter2",
		"TEST_CA": write(t, "ca.pem", pemOf(server)),
	})
	file := write(t, "deploy.yaml", `
exporters:
  - type: otlp
    protocol: http/protobuf
    endpoint: ${TEST_URL}
    headers: {authorization: "Bearer ${TEST_TOKEN}"}
    compression: gzip
    tls: {ca_file: "${TEST_CA}"}
`)
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file))
	require.NoError(t, err)
	require.NoError(t, p.Tracker("test").Track(t.Context(), events[0]))
	require.NoError(t, p.Shutdown(t.Context()))
	header := <-got
	assert.Equal(t, "Bearer hunter2", header.Get("Authorization"))
	assert.Equal(t, "gzip", header.Get("Content-Encoding"))
	assert.Empty(t, header.Get("A"))
}

// The file limits requests.
func TestOTLPLimits(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	t.Setenv("TEST_URL", server.URL)
	for key, want := range map[string]string{"timeout: 50ms": "otlp: ", "max_request_size: 10B": "larger"} {
		file := write(t, "deploy.yaml", "track_timeout: 1h\nexporters: [{type: otlp, endpoint: '${TEST_URL}', "+key+"}]\n")
		p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file))
		require.NoError(t, err)
		start := time.Now()
		require.ErrorContains(t, p.Tracker("test").Track(t.Context(), events[0]), want, key)
		assert.Less(t, time.Since(start), 8*time.Second, "the default is longer")
		require.NoError(t, p.Shutdown(t.Context()))
	}
}

// The file sets the track timeout.
func TestTrackTimeout(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	t.Setenv("TEST_URL", server.URL)
	file := write(t, "deploy.yaml", "track_timeout: 50ms\nexporters: [{type: otlp, endpoint: '${TEST_URL}', timeout: 1h}]\n")
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file))
	require.NoError(t, err)
	require.ErrorIs(t, p.Tracker("test").Track(t.Context(), events[0]), audit.ErrMaybeStored)
	require.NoError(t, p.Shutdown(t.Context()))
}

// An error names the part of the configuration once, and says what to do.
func TestErrorOfPart(t *testing.T) {
	dir := t.TempDir()
	file := write(t, "deploy.yaml", "ledger: {dir: '"+filepath.ToSlash(dir)+"/ledger'}\nseal: {key: '"+filepath.ToSlash(dir)+"/none'}\nexporters: none\n")
	_, err := config.NewTrackerProvider(t.Context(), config.WithFile(file))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "deploy.yaml:2:7: seal: stat ")
	require.ErrorContains(t, err, "; deed keygen makes a key")
	file = write(t, "deploy.yaml", "ledger: {dir: '"+filepath.ToSlash(dir)+"/ledger'}\nexporters: none\n")
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file))
	require.NoError(t, err)
	_, err = config.NewTrackerProvider(t.Context(), config.WithFile(file))
	require.ErrorIs(t, err, ledger.ErrLocked)
	require.NotContains(t, err.Error(), "ledger.dir: ledger: ")
	require.ErrorContains(t, err, "lock_wait in a configuration")
	require.NoError(t, p.Shutdown(t.Context()))
}

// One line of the file counts what is missing in the trail.
func TestGapRecords(t *testing.T) {
	file := write(t, "deploy.yaml", "gap_records: 1m\nanonymous: ['*']\nexporters: [{type: stdout}]\n")
	var out bytes.Buffer
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&out))
	require.NoError(t, err)
	require.NoError(t, p.Tracker("test").Track(t.Context(), events[0]))
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, []string{"audit.epoch.open", events[0].Action, "audit.epoch.close"}, actions(out.String()))
}

// The file sets the text format and its colors.
func TestText(t *testing.T) {
	for color, want := range map[string]bool{"true": true, "false": false} {
		file := write(t, "deploy.yaml", "exporters: [{type: stdout, format: text, color: "+color+"}]\n")
		var out bytes.Buffer
		p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&out))
		require.NoError(t, err)
		require.NoError(t, p.Tracker("test").Track(t.Context(), events[0]))
		require.NoError(t, p.Shutdown(t.Context()))
		assert.NotContains(t, out.String(), `{"action"`)
		assert.Equal(t, want, strings.Contains(out.String(), "\x1b["), color)
	}
}

// The file configures redaction: a strategy for a key, one for a pattern, and the general
// strategy for all others.
func TestRedaction(t *testing.T) {
	t.Setenv("TEST_KEY", "0123456789abcdef")
	file := write(t, "deploy.yaml", `
redaction:
  sensitive_keys: [favorite color]
  allowed_keys: [token_kind]
  only_metadata: [customer.name, customer.mail, favoriteColor, token_kind, note]
  strategy: {hmac: {key_id: k1, key: "${TEST_KEY}"}}
  keys:
    - {pattern: customer.n*}
    - {pattern: customer.m*, strategy: remove}
  patterns:
    - {expression: '\d{6}$', strategy: mask}
exporters: [{type: stdout}]
`)
	var out bytes.Buffer
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&out))
	require.NoError(t, err)
	event := events[0]
	for _, key := range []string{"customer.name", "customer.mail", "favoriteColor", "token_kind", "other"} {
		event.Metadata = append(event.Metadata, attribute.String(key, "value of it"))
	}
	event.Metadata = append(event.Metadata, attribute.String("note", "number 123456"))
	require.NoError(t, p.Tracker("test").Track(t.Context(), event))
	require.NoError(t, p.Shutdown(t.Context()))
	token := `hmac:k1:[0-9a-f]{32}`
	assert.Regexp(t, `"metadata":{"customer.name":"`+token+`","favoriteColor":"`+token+
		`","note":"number \*\*\*REDACTED\*\*\*","other":"`+token+`","token_kind":"value of it"}`, out.String())
}

// It is not an error if MongoDB is down. The ledger keeps the records, and Shutdown closes the
// client, which goleak checks.
func TestMongoDBDown(t *testing.T) {
	setenv(t, map[string]string{
		"AUDIT_EXPORTERS": "mongodb", "AUDIT_LEDGER_DIR": filepath.Join(t.TempDir(), "ledger"),
		"AUDIT_MONGODB_URI": "mongodb://audit:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=100",
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var logs bytes.Buffer
	p, err := config.NewTrackerProvider(ctx, config.WithLogger(slog.New(slog.NewTextHandler(&logs, nil))))
	require.NoError(t, err)
	require.NoError(t, p.Tracker("test").Track(t.Context(), events[0]))
	ended, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.Error(t, p.Shutdown(ended), "it reports undelivered records")
	assert.Contains(t, logs.String(), "the server did not reply in time")
	assert.NotContains(t, logs.String(), "hunter2")
}

// If the provider cannot be created, everything that was opened is closed.
func TestCloseOnError(t *testing.T) {
	dir := t.TempDir()
	locked, err := ledger.Open(filepath.Join(dir, "ledger"))
	require.NoError(t, err)
	defer locked.Close()
	t.Setenv("TEST_DIR", filepath.Join(dir, "ledger"))
	file := write(t, "deploy.yaml", `
ledger: {dir: "${TEST_DIR}"}
erasure:
  keys: {uri: "mongodb://127.0.0.1:1"}
  values: [{field: actor.name, subject: actor}]
exporters:
  - {type: mongodb, uri: "mongodb://127.0.0.1:1"}
  - {type: otlp, protocol: grpc}
`)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.NoError(t, config.Check(ctx, config.WithFile(file)), "Check opens nothing")
	quiet := slog.New(slog.DiscardHandler)
	_, err = config.NewTrackerProvider(ctx, config.WithFile(file), config.WithLogger(quiet))
	problems, ok := errors.AsType[*config.Error](err)
	require.True(t, ok)
	require.Len(t, problems.Problems, 1)
	assert.Equal(t, "ledger.dir", problems.Problems[0].Path)
	assert.Equal(t, 2, problems.Problems[0].Line)
	assert.Contains(t, problems.Problems[0].Message, "ledger")
	require.ErrorIs(t, err, ledger.ErrLocked)
}

// Options of the program are added to those of the file.
func TestSDKOptions(t *testing.T) {
	file := write(t, "deploy.yaml", "anonymous: ['*']\nexporters: [{type: stdout}]\n")
	var out bytes.Buffer
	drop := sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
		if r.Action == "article.read" {
			return nil
		}
		return next(ctx, r)
	})
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&out), config.WithSDKOptions(sdk.WithProcessor(drop)), nil)
	require.NoError(t, err)
	require.NoError(t, p.Tracker("test").Track(t.Context(), events[0]))
	require.ErrorIs(t, p.Tracker("test").Track(t.Context(), events[3]), sdk.ErrDropped)
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, []string{"article.update"}, actions(out.String()))
	assert.Contains(t, out.String(), `"resource":{"service.name":"unknown_service:`)

	_, err = config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithSDKOptions(sdk.WithTrackTimeout(-1)))
	require.ErrorContains(t, err, "the timeout must be positive")
}

func TestFileTooLarge(t *testing.T) {
	t.Parallel()
	file := write(t, "deploy.yaml", strings.Repeat("#", 1<<20+1))
	require.ErrorContains(t, config.Check(t.Context(), config.WithFile(file)), "it is larger than 1048576 bytes")
	dir := filepath.Join(t.TempDir(), "dir.yaml")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.ErrorContains(t, config.Check(t.Context(), config.WithFile(dir)), "dir.yaml: it cannot be read: ")
}
