package collector

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

// idKey is the attribute with the ID of a record.
const idKey = "audit.record.id"

// Log is a log record as the sink received it. Callers must not modify it.
type Log struct {
	Resource  *resourcepb.Resource // nil if the request has no resource
	SchemaURL string               // of the resource
	Scope     *commonpb.InstrumentationScope
	Record    *logspb.LogRecord
}

// ID returns the value of the attribute audit.record.id, or "" without one.
func (l Log) ID() string {
	for _, a := range l.Record.GetAttributes() {
		if a.GetKey() == idKey {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// Sink is an HTTP server that receives OTLP logs as uncompressed protobuf and keeps them. Its
// methods may be called concurrently.
type Sink struct {
	server *httptest.Server

	mu      sync.Mutex
	status  int // of refused requests; zero accepts requests
	header  http.Header
	refused int
	stall   *stall // nil if the sink responds
	logs    []Log
}

// stall is a period in which the sink does not respond.
type stall struct {
	once    sync.Once
	stalled chan struct{} // closed after the first request is kept
	resumed chan struct{} // closed at the end of the period
}

// NewSink starts a sink on loopback. It is closed at the end of the test.
func NewSink(tb testing.TB) *Sink {
	tb.Helper()
	s := &Sink{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/logs", s.handle)
	s.server = httptest.NewServer(mux)
	tb.Cleanup(s.server.Close)
	return s
}

// URL returns the URL of the server, without the path of a signal.
func (s *Sink) URL() string { return s.server.URL }

// Refuse makes the sink respond with the status and the header, and discard requests, until
// Accept is called. The header may be nil.
func (s *Sink) Refuse(status int, header http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.header = status, header.Clone()
}

// Accept ends the effect of Refuse.
func (s *Sink) Accept() { s.Refuse(0, nil) }

// Refused returns the number of refused requests.
func (s *Sink) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Stall makes the sink keep requests without responding, until resume is called, which may
// happen only once. The channel is closed when the sink has kept the first request.
func (s *Sink) Stall() (stalled <-chan struct{}, resume func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stall := &stall{stalled: make(chan struct{}), resumed: make(chan struct{})}
	s.stall = stall
	return stall.stalled, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stall = nil
		close(stall.resumed)
	}
}

// Logs returns the received log records in order.
func (s *Sink) Logs() []Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logs)
}

// Count returns how often the record with the ID was received.
func (s *Sink) Count(id string) int { return s.Counts()[id] }

// Counts returns how often each record was received, by ID. Log records without an ID count
// under the empty string.
func (s *Sink) Counts() map[string]int {
	counts := map[string]int{}
	for _, l := range s.Logs() {
		counts[l.ID()]++
	}
	return counts
}

func (s *Sink) handle(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	var request collogspb.ExportLogsServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	status, header, stall := s.keep(&request)
	if status != 0 {
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		return
	}
	if stall != nil {
		stall.once.Do(func() { close(stall.stalled) })
		select {
		case <-stall.resumed:
		case <-r.Context().Done(): // the client is gone
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // the response is empty
}

// keep stores the records of the request, or returns the status and header of a refusal. If the
// stall is not nil, the caller waits for its end before it responds.
func (s *Sink) keep(request *collogspb.ExportLogsServiceRequest) (status int, header http.Header, current *stall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != 0 {
		s.refused++
		return s.status, s.header, nil
	}
	for _, resource := range request.GetResourceLogs() {
		for _, scope := range resource.GetScopeLogs() {
			for _, record := range scope.GetLogRecords() {
				s.logs = append(s.logs, Log{
					Resource: resource.GetResource(), SchemaURL: resource.GetSchemaUrl(), Scope: scope.GetScope(), Record: record,
				})
			}
		}
	}
	return 0, nil, s.stall
}
