package otlp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// Exporter is an export.Exporter that sends records as OTLP logs. Use New, NewGRPC or
// NewHTTP to create one.
type Exporter struct {
	name        string
	concurrency int
	maxRequest  int
	sender      sender
	warnings    *warnings
	encoders    []encoder // one for each part of a batch
}

var _ export.CheckpointExporter = (*Exporter)(nil)

// sender sends requests to the server. It is safe for concurrent use.
type sender interface {
	// send returns the reply of the server, or a *ServerError, which may be wrapped.
	send(ctx context.Context, request []byte) (reply, error)
	close() error
}

// New returns an Exporter with the protocol in the environment variable
// OTEL_EXPORTER_OTLP_LOGS_PROTOCOL or OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", or
// "http/protobuf", which is the default.
func New(ctx context.Context, opts ...Option) (*Exporter, error) {
	switch name, protocol := lookup(variableProtocol); protocol {
	case "grpc":
		return NewGRPC(ctx, opts...)
	case "", "http/protobuf":
		return NewHTTP(ctx, opts...)
	default:
		return nil, fmt.Errorf("otlp: %s: %q is not supported; use grpc or http/protobuf", name, protocol)
	}
}

// NewGRPC returns an Exporter over gRPC. It does not connect to the server. The error lists
// all invalid options and environment variables.
func NewGRPC(ctx context.Context, opts ...Option) (*Exporter, error) {
	return newExporter(ctx, protocolGRPC, opts, newGRPCSender)
}

// NewHTTP returns an Exporter over HTTP with protobuf. It does not connect to the server.
// The error lists all invalid options and environment variables.
func NewHTTP(ctx context.Context, opts ...Option) (*Exporter, error) {
	return newExporter(ctx, protocolHTTP, opts, newHTTPSender)
}

func newExporter(ctx context.Context, p protocol, opts []Option, open func(*config) (sender, error)) (*Exporter, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	c, err := newConfig(p, opts)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	s, err := open(c)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	return &Exporter{
		name:        c.name,
		concurrency: c.concurrency,
		maxRequest:  c.maxRequest,
		sender:      s,
		warnings:    &warnings{handle: c.warning, logger: c.logger},
		encoders:    make([]encoder, c.concurrency),
	}, nil
}

// Name returns the name set by WithName, or DefaultName.
func (e *Exporter) Name() string { return e.name }

// minPart is the smallest number of records that is worth a separate request.
const minPart = 64

// Export sends the records, with concurrent requests if there are many. If the server
// rejects records, or records are invalid or larger than a request may be, Export returns a
// *export.PartialError with permanent reasons for them. Other records can be retried. If
// that applies to all records, Export returns the reason itself.
func (e *Exporter) Export(ctx context.Context, records []*record.Record) error {
	if len(records) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("otlp: %w", err)
	}
	errs := make([]error, len(records))
	parts := max(1, min(e.concurrency, len(records)/minPart))
	var wg sync.WaitGroup
	for i := range parts {
		from, to := i*len(records)/parts, (i+1)*len(records)/parts
		d := delivery{exporter: e, encoder: &e.encoders[i], records: records[from:to], errs: errs[from:to]}
		if i == parts-1 {
			d.run(ctx)
			break
		}
		wg.Go(func() { d.run(ctx) })
	}
	wg.Wait()
	return merge(errs)
}

// merge combines the errors of the records.
func merge(errs []error) error {
	rejected := map[int]error{}
	var reasons []error // without duplicates
	permanent := false
	for i, err := range errs {
		if err == nil {
			continue
		}
		rejected[i] = err
		permanent = permanent || export.IsPermanent(err)
		if err != errNotSent && !slices.Contains(reasons, err) { //nolint:errorlint // compares identities
			reasons = append(reasons, err)
		}
	}
	switch {
	case len(rejected) == 0:
		return nil
	case len(rejected) < len(errs) || permanent:
		return &export.PartialError{Rejected: rejected}
	case len(reasons) == 1:
		return reasons[0]
	}
	return errors.Join(reasons...)
}

// Shutdown closes the connections.
func (e *Exporter) Shutdown(context.Context) error {
	if err := e.sender.close(); err != nil {
		return fmt.Errorf("otlp: cannot close the connection: %w", err)
	}
	return nil
}

var errNotSent = errors.New("otlp: the record was not sent, because an earlier request failed")
