package sdk

import (
	"fmt"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk/internal/delivery"
)

// The defaults of the options of deliveries.
const (
	DefaultQueueSize     = 2048                   // records; see WithQueueSize
	DefaultBatchSize     = 512                    // records; see WithBatchSize
	DefaultBatchBytes    = 4 << 20                // bytes; see WithBatchBytes
	DefaultBatchInterval = time.Second            // see WithBatchInterval
	DefaultExportTimeout = 30 * time.Second       // see WithExportTimeout
	DefaultMaxAttempts   = 5                      // see WithMaxAttempts
	DefaultBackoff       = 100 * time.Millisecond // see WithBackoff
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

// WithBatchSize sets the maximum number of records in one Export call. The default is
// DefaultBatchSize. A batch of a batcher is never larger than its queue. For ExportTo, n
// must not exceed [ledger.MaxCommitAhead].
func WithBatchSize(n int) DeliveryOption {
	return func(c *delivery.Config) { c.BatchSize = n }
}

// WithBatchInterval sets how long an incomplete batch waits for more records. The default
// is DefaultBatchInterval.
func WithBatchInterval(d time.Duration) DeliveryOption {
	return func(c *delivery.Config) { c.BatchInterval = d }
}

// WithExportTimeout limits the duration of one Export call. The default is
// DefaultExportTimeout.
func WithExportTimeout(d time.Duration) DeliveryOption {
	return func(c *delivery.Config) { c.ExportTimeout = d }
}

// WithBackoff sets the pause before the second attempt to export records. It doubles with
// each further attempt, up to 100*d, and a random part of up to a half is subtracted. An
// exporter can ask for a longer pause with [export.RetryAfter]. The default is
// DefaultBackoff.
func WithBackoff(d time.Duration) DeliveryOption {
	return func(c *delivery.Config) { c.Backoff = d }
}

// WithQueueSize sets how many records a batcher can queue. The default is
// DefaultQueueSize.
func WithQueueSize(n int) BatcherOption {
	return batcherOption(func(c *delivery.Config) { c.QueueSize = n })
}

// WithMaxAttempts sets how often a batcher tries to export a record before it gives the
// record up. The default is DefaultMaxAttempts. A ledger never gives up.
func WithMaxAttempts(n int) BatcherOption {
	return batcherOption(func(c *delivery.Config) { c.MaxAttempts = n })
}

// WithBatchBytes sets the maximum size of the records in one Export call, in bytes of
// their JSON. A single record may be larger. The default is DefaultBatchBytes.
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

// WithSyncer exports each record to e before Track returns. It calls Export with one
// record, and one call at a time. It does not retry: the caller of Track gets the error.
// The context of Export has the values of Track's context, but is not canceled with it.
// If Export takes longer than the track timeout, Track returns an error that matches
// audit.ErrMaybeStored.
func WithSyncer(e export.Exporter) Option {
	return func(c *config) {
		c.addDelivery(e, "WithSyncer", func(env delivery.Env) delivery.Delivery { return delivery.NewSyncer(e, env) })
	}
}

// WithBatcher exports records to e from a bounded queue in memory. Track returns when the
// record is queued. If the queue stays full for the track timeout, it returns an error
// that matches audit.ErrFull. A record that the exporter rejects permanently, or that
// fails in every attempt, is given up: its ID is logged, and counted in
// audit.records.lost. A process that is killed loses its queue, so use a batcher only if
// records may be lost.
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
