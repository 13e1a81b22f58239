package plumbing

import (
	"context"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/resolver"
	"go.opentelemetry.io/otel/attribute"
)

// ErrInherit is returned by an actor function (see audit.WithActor) that does not know the
// actor: the actor of the outer scope acts.
var ErrInherit = resolver.ErrInherit

// SignalsSuppressed reports whether ctx comes from audit.SuppressSignals. Instrumentation
// need not make a signal then.
func SignalsSuppressed(ctx context.Context) bool { return inside.Audit.SignalsSuppressed(ctx) }

// WithClientMetadata is audit.WithScopeMetadata for what a client sent: a record has at
// most 512 bytes of each text.
func WithClientMetadata(kvs ...attribute.KeyValue) audit.ScopeOption {
	return inside.Audit.WithClientMetadata(kvs)
}

// WithSignalLimit sets how many signals the scope holds. Further signals are recorded at
// once, with a mark. The default is 1000; zero holds none.
func WithSignalLimit(n int) audit.ScopeOption { return inside.Audit.WithSignalLimit(n) }
