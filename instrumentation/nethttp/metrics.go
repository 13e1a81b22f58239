package audithttp

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// newMissing returns the counter of requests without a trace, of OpenTelemetry's global
// provider.
func newMissing() metric.Int64Counter {
	counter, err := otel.Meter("github.com/opendeed/audit/instrumentation/nethttp").Int64Counter("audit.coverage.missing",
		metric.WithUnit("{request}"), metric.WithDescription("Requests that should have left a trace and left none."))
	if err != nil {
		return noop.Int64Counter{} // requests are served all the same
	}
	return counter
}
