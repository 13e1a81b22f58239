package sdk

import (
	"errors"
	"fmt"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk/internal/delivery"
)

// The defaults of how exporters are fed.
const (
	// DefaultQueueSize is how many records a batcher queues.
	DefaultQueueSize = 2048
	// DefaultBatchSize is how many records one Export call gets at most.
	DefaultBatchSize = 512
	// DefaultBatchBytes is how many bytes of records from a ledger one Export call gets
	// at most.
	DefaultBatchBytes = 4 << 20
	// DefaultBatchInterval is how long a record waits for others.
	DefaultBatchInterval = time.Second
	// DefaultExportTimeout bounds one Export call.
	DefaultExportTimeout = 30 * time.Second
	// DefaultMaxAttempts is how often a batcher exports a record before it gives up.
	DefaultMaxAttempts = 5
	// DefaultBackoff is the pause before the second attempt. It doubles with each further
	// attempt, up to a hundred times, less a random part of up to a half.
	DefaultBackoff = 100 * time.Millisecond
)

// BatcherOption configures [WithBatcher].
type BatcherOption interface{ batcher(*delivery.Config) }

// ExportOption configures [ExportTo].
type ExportOption interface{ follower(*delivery.Config) }

// DeliveryOption configures both [WithBatcher] and [ExportTo].
type DeliveryOption func(*delivery.Config)

func (o DeliveryOption) batcher(c *delivery.Config)  { o(c) }
func (o DeliveryOption) follower(c *delivery.Config) { o(c) }

type batcherOption func(*delivery.Config)

func (o batcherOption) batcher(c *delivery.Config) { o(c) }

type exportOption func(*delivery.Config)

func (o exportOption) follower(c *delivery.Config) { o(c) }

// WithBatchSize sets how many records one Export call gets at most. The default is
// DefaultBatchSize.
func WithBatchSize(n int) DeliveryOption {
	return func(c *delivery.Config) { c.BatchSize = n }
}

// WithBatchInterval sets how long a record waits for others. The default is
// DefaultBatchInterval.
func WithBatchInterval(d time.Duration) DeliveryOption {
	return func(c *delivery.Config) { c.BatchInterval = d }
}

// WithExportTimeout bounds one Export call. The default is DefaultExportTimeout.
func WithExportTimeout(d time.Duration) DeliveryOption {
	return func(c *delivery.Config) { c.ExportTimeout = d }
}

// WithBackoff sets the pause before the second attempt. The default is DefaultBackoff,
// which says how the pause grows.
func WithBackoff(d time.Duration) DeliveryOption {
	return func(c *delivery.Config) { c.Backoff = d }
}

// WithQueueSize sets how many records a batcher queues. The default is DefaultQueueSize.
func WithQueueSize(n int) BatcherOption {
	return batcherOption(func(c *delivery.Config) { c.QueueSize = n })
}

// WithMaxAttempts sets how often a batcher exports a record before it gives up. The
// default is DefaultMaxAttempts. A ledger never gives up.
func WithMaxAttempts(n int) BatcherOption {
	return batcherOption(func(c *delivery.Config) { c.MaxAttempts = n })
}

// WithBatchBytes sets how many bytes of records from a ledger one Export call gets at
// most, unless one record alone has more. The default is DefaultBatchBytes.
func WithBatchBytes(n int) ExportOption {
	return exportOption(func(c *delivery.Config) { c.BatchBytes = n })
}

func defaultDelivery() delivery.Config {
	return delivery.Config{
		BatchSize:     DefaultBatchSize,
		BatchInterval: DefaultBatchInterval,
		ExportTimeout: DefaultExportTimeout,
		Backoff:       DefaultBackoff,
		QueueSize:     DefaultQueueSize,
		MaxAttempts:   DefaultMaxAttempts,
		BatchBytes:    DefaultBatchBytes,
	}
}

// WithSyncer exports each record to e before Track returns. Nothing is retried: the
// caller gets the error. Export gets one record at a time, and a context with the values
// of Track's.
func WithSyncer(e export.Exporter) Option {
	return func(c *config) {
		c.addDelivery(e, "WithSyncer", func(env delivery.Env) delivery.Delivery { return delivery.NewSyncer(e, env) })
	}
}

// WithBatcher exports records to e from a bounded queue in memory: Track returns when
// the record is queued, and waits while the queue is full. A killed process loses what
// is queued, so use it for sinks that may lose records.
func WithBatcher(e export.Exporter, opts ...BatcherOption) Option {
	return func(c *config) {
		b := defaultDelivery()
		for _, opt := range opts {
			opt.batcher(&b)
		}
		if err := b.CheckBatcher(); err != nil {
			c.fail(fmt.Errorf("WithBatcher: %w", err))
		}
		c.addDelivery(e, "WithBatcher", func(env delivery.Env) delivery.Delivery { return delivery.NewBatcher(e, b, env) })
	}
}

var errNoDelivery = errors.New("it has no delivery; add sdk.WithLedger, sdk.WithSyncer or sdk.WithBatcher")
