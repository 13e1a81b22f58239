package config

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/exporters/otlp"
)

// otlpModel configures an exporter to an OTLP server. The variables OTEL_EXPORTER_OTLP_*
// supply the keys that are not set.
type otlpModel struct {
	exporterCommon

	Protocol       protocolWord      `key:"protocol"`
	Endpoint       endpoint          `key:"endpoint"`
	LogsEndpoint   endpoint          `key:"logs_endpoint"`
	Headers        map[string]secret `key:"headers"`
	Compression    compressionWord   `key:"compression"`
	Timeout        duration          `key:"timeout"`
	Insecure       flag              `key:"insecure"`
	TLS            *tlsModel         `key:"tls"`
	MaxRequestSize size              `key:"max_request_size"`
	Concurrency    count             `key:"concurrency"`
}

type (
	protocolWord    string
	compressionWord string
)

// The protocols, by OpenTelemetry's names.
const (
	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"
)

func (*protocolWord) tags() []string    { return []string{tagText} }
func (*compressionWord) tags() []string { return []string{tagText} }

func (w *protocolWord) set(s string) *fault { return oneOf(w, s, protocolGRPC, protocolHTTP) }

func (w *compressionWord) set(s string) *fault {
	return oneOf(w, s, string(otlp.Gzip), string(otlp.NoCompression))
}

func (m *otlpModel) check(ctx context.Context, d *decoder, path string) {
	if m.Endpoint != "" && m.LogsEndpoint != "" {
		d.report(join(path, "logs_endpoint"), "endpoint is set too; remove one of them")
	}
	if m.MaxRequestSize > 1<<30 {
		d.report(join(path, "max_request_size"), "it is more than 1GiB")
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		if lower := strings.ToLower(name); seen[lower] {
			d.report(join(path, "headers", name), "the header is repeated")
		} else {
			seen[lower] = true
		}
	}
	if m.Insecure == flagTrue && strings.Contains(string(m.Endpoint+m.LogsEndpoint), "://") {
		d.report(join(path, "insecure"), "the scheme of the endpoint already decides about TLS; remove it")
	}
	d.hideVariables("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_HEADERS", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
	report := func(key, message string) { d.report(join(path, "tls", key), message) }
	e, err := m.create(ctx, report)
	if err != nil {
		for _, each := range flatten(err) {
			d.reportOTLPError(path, each)
		}
		return
	}
	_ = e.Shutdown(ctx) // it never connected
}

// otlpKeys maps the prefixes of the exporter's errors to keys.
var otlpKeys = map[string]string{
	"WithEndpoint": "endpoint", "WithLogsEndpoint": "logs_endpoint", "headers": "headers",
}

// reportOTLPError reports an error of the exporter, at the key or the variable that it is
// about.
func (d *decoder) reportOTLPError(path string, err error) {
	text := strings.TrimPrefix(d.clean(err.Error()), "otlp: ")
	prefix, message, found := strings.Cut(text, ": ")
	switch key := otlpKeys[prefix]; {
	case found && strings.HasPrefix(prefix, "OTEL_"):
		d.problems = append(d.problems, Problem{Path: prefix, Message: message})
	case prefix == "WithName": // already reported
	case found && key != "":
		d.report(join(path, key), message)
	default:
		d.report(path, text)
	}
}

func (m *otlpModel) open(ctx context.Context, s *settings, d *decoder, path string) export.Exporter {
	report := func(key, message string) { d.report(join(path, "tls", key), message) }
	var opts []otlp.Option
	if l := s.logger; l != nil {
		opts = append(opts, otlp.WithLogger(l))
	}
	e, err := m.create(ctx, report, opts...)
	if err != nil {
		d.reportOTLPError(path, err)
		return nil
	}
	return e
}

// create creates the exporter, which connects with the first export.
func (m *otlpModel) create(ctx context.Context, report func(key, message string), opts ...otlp.Option) (*otlp.Exporter, error) {
	opts = append(opts, otlp.WithName(m.name()))
	if m.LogsEndpoint != "" {
		opts = append(opts, otlp.WithLogsEndpoint(string(m.LogsEndpoint)))
	} else if m.Endpoint != "" {
		opts = append(opts, otlp.WithEndpoint(string(m.Endpoint)))
	}
	if m.Headers != nil {
		headers := map[string]string{}
		for name, value := range m.Headers {
			headers[name] = value.reveal()
		}
		opts = append(opts, otlp.WithHeaders(headers))
	}
	if m.Compression != "" {
		opts = append(opts, otlp.WithCompression(otlp.Compression(m.Compression)))
	}
	if m.Timeout > 0 {
		opts = append(opts, otlp.WithTimeout(time.Duration(m.Timeout)))
	}
	if m.Insecure == flagTrue {
		opts = append(opts, otlp.WithInsecure())
	}
	if m.TLS != nil {
		opts = append(opts, otlp.WithTLS(m.TLS.load(report)))
	}
	if m.MaxRequestSize > 0 {
		opts = append(opts, otlp.WithMaxRequestSize(int(m.MaxRequestSize)))
	}
	if m.Concurrency > 0 {
		opts = append(opts, otlp.WithConcurrency(int(m.Concurrency)))
	}
	ctx = context.WithoutCancel(ctx) // it does not connect
	switch m.Protocol {
	case protocolGRPC:
		return otlp.NewGRPC(ctx, opts...)
	case protocolHTTP:
		return otlp.NewHTTP(ctx, opts...)
	}
	return otlp.New(ctx, opts...)
}
