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

// Exporter sends records as OTLP logs. Make it with New, NewGRPC or NewHTTP.
type Exporter struct {
	name        string
	concurrency int
	maxRequest  int
	sender      sender
	warnings    *warnings
	encoders    []encoder // one for each part of a batch
}

var _ export.Exporter = (*Exporter)(nil)

// sender brings a request to the server. It is called concurrently.
type sender interface {
	// send returns what the server has said of a request that it took, and otherwise
	// a *ServerError, which may be wrapped.
	send(ctx context.Context, request []byte) (answer, error)
	close() error
}

// New returns an exporter by the protocol that the environment names in
// OTEL_EXPORTER_OTLP_LOGS_PROTOCOL or OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" or
// "http/protobuf", which is the default.
func New(ctx context.Context, opts ...Option) (*Exporter, error) {
	switch name, protocol := lookup(variableProtocol); protocol {
	case "grpc":
		return NewGRPC(ctx, opts...)
	case "", "http/protobuf":
		return NewHTTP(ctx, opts...)
	default:
		return nil, fmt.Errorf("otlp: %s: %q is not supported; take grpc or http/protobuf", name, protocol)
	}
}

// NewGRPC returns an exporter over gRPC. It does not wait for the server, which may
// come later. All that is wrong with options and environment is in the error.
func NewGRPC(ctx context.Context, opts ...Option) (*Exporter, error) {
	return newExporter(ctx, protocolGRPC, opts, newGRPCSender)
}

// NewHTTP returns an exporter over HTTP, with protobuf. It does not wait for the
// server, which may come later. All that is wrong with options and environment is in
// the error.
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

// Name returns DefaultName or what WithName has set.
func (e *Exporter) Name() string { return e.name }

// minPart is the least number of records for which a request of their own pays.
const minPart = 64

// Export sends the records, in several requests at a time where there are many.
// Records that the server refuses for good, and those that are no records or larger
// than a request, are in a *export.PartialError, marked by export.Permanent; those that it
// could not be asked about are worth trying again. Where all of them are, the error is
// the reason.
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

// merge makes one error of those of the records.
func merge(errs []error) error {
	rejected := map[int]error{}
	var reasons []error // each once
	permanent := false
	for i, err := range errs {
		if err == nil {
			continue
		}
		rejected[i] = err
		permanent = permanent || export.IsPermanent(err)
		if err != errNotSent && !slices.Contains(reasons, err) { //nolint:errorlint // is it the very same one?
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
		return fmt.Errorf("otlp: closing the connection: %w", err)
	}
	return nil
}

var errNotSent = errors.New("otlp: it was not sent, because a request before it failed")
