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

// otlpModel is an exporter to a server that takes OTLP. What it does not say, the
// variables OTEL_EXPORTER_OTLP_* may.
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
		d.wrong(join(path, "logs_endpoint"), "endpoint is given as well; one of them is enough")
	}
	if m.MaxRequestSize > 1<<30 {
		d.wrong(join(path, "max_request_size"), "it is more than 1GiB")
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		if lower := strings.ToLower(name); seen[lower] {
			d.wrong(join(path, "headers", name), "the header is given twice")
		} else {
			seen[lower] = true
		}
	}
	if m.Insecure == flagTrue && strings.Contains(string(m.Endpoint+m.LogsEndpoint), "://") {
		d.wrong(join(path, "insecure"), "the endpoint's scheme says already whether there is TLS; leave it out")
	}
	d.watch("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_HEADERS", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
	wrong := func(key, message string) { d.wrong(join(path, "tls", key), message) }
	e, err := m.make(ctx, wrong)
	if err != nil {
		for _, each := range leaves(err) {
			d.otlpFailed(path, each)
		}
		return
	}
	_ = e.Shutdown(ctx) // it has not connected
}

// otlpKeys are the keys of what the exporter's errors begin with.
var otlpKeys = map[string]string{
	"WithEndpoint": "endpoint", "WithLogsEndpoint": "logs_endpoint", "headers": "headers",
}

// otlpFailed notes what the exporter finds wrong, at the key or the variable that it is
// about.
func (d *decoder) otlpFailed(path string, err error) {
	text := strings.TrimPrefix(d.clean(err.Error()), "otlp: ")
	about, message, found := strings.Cut(text, ": ")
	switch key := otlpKeys[about]; {
	case found && strings.HasPrefix(about, "OTEL_"):
		d.problems = append(d.problems, Problem{Path: about, Message: message})
	case about == "WithName": // it was found already
	case found && key != "":
		d.wrong(join(path, key), message)
	default:
		d.wrong(path, text)
	}
}

func (m *otlpModel) open(ctx context.Context, b *builder, path string) export.Exporter {
	wrong := func(key, message string) { b.decoder.wrong(join(path, "tls", key), message) }
	var opts []otlp.Option
	if l := b.config.settings.logger; l != nil {
		opts = append(opts, otlp.WithLogger(l))
	}
	e, err := m.make(ctx, wrong, opts...)
	if err != nil {
		b.decoder.otlpFailed(path, err)
		return nil
	}
	return e
}

// make makes the exporter, which connects when it has something to export.
func (m *otlpModel) make(ctx context.Context, wrong func(key, message string), opts ...otlp.Option) (*otlp.Exporter, error) {
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
		opts = append(opts, otlp.WithTLS(m.TLS.load(wrong)))
	}
	if m.MaxRequestSize > 0 {
		opts = append(opts, otlp.WithMaxRequestSize(int(m.MaxRequestSize)))
	}
	if m.Concurrency > 0 {
		opts = append(opts, otlp.WithConcurrency(int(m.Concurrency)))
	}
	ctx = context.WithoutCancel(ctx) // there is nothing to wait for
	switch m.Protocol {
	case protocolGRPC:
		return otlp.NewGRPC(ctx, opts...)
	case protocolHTTP:
		return otlp.NewHTTP(ctx, opts...)
	}
	return otlp.New(ctx, opts...)
}
