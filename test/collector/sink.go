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

// idKey is the attribute that has a record's ID.
const idKey = "audit.record.id"

// Log is a log record as it has arrived. It is shared, and not to be changed.
type Log struct {
	Resource  *resourcepb.Resource // nil if the request has none
	SchemaURL string               // of the resource
	Scope     *commonpb.InstrumentationScope
	Record    *logspb.LogRecord
}

// ID returns the value of the attribute audit.record.id, or nothing.
func (l Log) ID() string {
	for _, a := range l.Record.GetAttributes() {
		if a.GetKey() == idKey {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// Sink is an HTTP server that takes OTLP logs, in protobuf and not compressed, and keeps
// them. It may be used concurrently.
type Sink struct {
	server *httptest.Server

	mu      sync.Mutex
	status  int // of the refusal, or zero
	header  http.Header
	refused int
	stall   *stall // or nil
	logs    []Log
}

// stall is a time in which requests are not answered.
type stall struct {
	began    sync.Once
	stalled  chan struct{} // closed with the first request
	answered chan struct{} // closed when the time is over
}

// NewSink starts a sink on loopback, which ends with the test.
func NewSink(tb testing.TB) *Sink {
	tb.Helper()
	s := &Sink{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/logs", s.take)
	s.server = httptest.NewServer(mux)
	tb.Cleanup(s.server.Close)
	return s
}

// URL is that of the server, without the path of a signal.
func (s *Sink) URL() string { return s.server.URL }

// Refuse has the sink answer requests with the status and the header, and keep nothing
// of them, until Accept. The header may be nil.
func (s *Sink) Refuse(status int, header http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.header = status, header.Clone()
}

// Accept ends Refuse.
func (s *Sink) Accept() { s.Refuse(0, nil) }

// Refused returns how many requests have been refused.
func (s *Sink) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Stall has the sink keep what comes and not answer, until resume is called, once. The
// channel is closed when the sink has kept the first request.
func (s *Sink) Stall() (stalled <-chan struct{}, resume func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stall := &stall{stalled: make(chan struct{}), answered: make(chan struct{})}
	s.stall = stall
	return stall.stalled, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stall = nil
		close(stall.answered)
	}
}

// Logs returns what has arrived, in order.
func (s *Sink) Logs() []Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logs)
}

// Count returns how often the record of that ID has arrived.
func (s *Sink) Count(id string) int { return s.Counts()[id] }

// Counts returns how often each record has arrived, by ID. Log records without one are
// counted by the empty string.
func (s *Sink) Counts() map[string]int {
	counts := map[string]int{}
	for _, l := range s.Logs() {
		counts[l.ID()]++
	}
	return counts
}

func (s *Sink) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
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
		stall.began.Do(func() { close(stall.stalled) })
		select {
		case <-stall.answered:
		case <-r.Context().Done(): // the client has gone
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // the answer is empty
}

// keep keeps the records of the request, or returns how it is refused. A stall is to be
// waited for.
func (s *Sink) keep(request *collogspb.ExportLogsServiceRequest) (status int, header http.Header, wait *stall) {
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
