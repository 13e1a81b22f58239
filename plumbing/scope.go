package plumbing

import (
	"context"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/inside"
	"go.opentelemetry.io/otel/attribute"
)

// ErrInherit is returned by an actor function (see audit.WithActor) that does not know the
// actor: the actor of the outer scope acts.
var ErrInherit = bridge.ErrInherit

// SignalsSuppressed reports whether ctx comes from audit.SuppressSignals. Instrumentation
// need not make a signal then.
func SignalsSuppressed(ctx context.Context) bool { return inside.Audit.SignalsSuppressed(ctx) }

// WithClientMetadata is audit.WithScopeMetadata for what a client sent: a record has at
// most 512 bytes of each text.
func WithClientMetadata(kvs ...attribute.KeyValue) audit.ScopeOption {
	return inside.Audit.WithClientMetadata(kvs)
}
