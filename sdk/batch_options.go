package sdk

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/opendeed/audit/export"
)

// The defaults of a batcher.
const (
	// DefaultQueueSize is how many records wait at most.
	DefaultQueueSize = 2048
	// DefaultBatchSize is how many records are exported together at most.
	DefaultBatchSize = 512
	// DefaultBatchInterval is how long a record waits for others.
	DefaultBatchInterval = time.Second
	// DefaultExportTimeout bounds one call of Export.
	DefaultExportTimeout = 30 * time.Second
	// DefaultMaxAttempts is how often a record is exported before it is given up.
	DefaultMaxAttempts = 5
	// DefaultBackoff is the pause before the second attempt; it doubles with each
	// further one, to a hundred times as long at most, less a random part of up to
	// a half.
	DefaultBackoff = 100 * time.Millisecond
)

// BatchOption configures a batcher.
type BatchOption func(*batchConfig)

type batchConfig struct {
	queueSize     int
	batchSize     int
	interval      time.Duration
	exportTimeout time.Duration
	maxAttempts   int
	backoff       time.Duration
	errs          []error
}

func newBatchConfig(opts []BatchOption) batchConfig {
	c := batchConfig{
		queueSize:     DefaultQueueSize,
		batchSize:     DefaultBatchSize,
		interval:      DefaultBatchInterval,
		exportTimeout: DefaultExportTimeout,
		maxAttempts:   DefaultMaxAttempts,
		backoff:       DefaultBackoff,
	}
	for _, opt := range opts {
		opt(&c)
	}
	if c.queueSize < 1 || c.batchSize < 1 || c.maxAttempts < 1 {
		c.errs = append(c.errs, errors.New("queue size, batch size and attempts must be at least 1"))
	}
	if c.interval <= 0 || c.exportTimeout <= 0 || c.backoff <= 0 {
		c.errs = append(c.errs, errors.New("interval, export timeout and backoff must be positive"))
	}
	c.batchSize = min(c.batchSize, c.queueSize)
	return c
}

// pauseAfter returns how long to wait after an attempt that failed by err:
// DefaultBackoff says how, and RetryAfter.
func (c *batchConfig) pauseAfter(attempt int, err error) time.Duration {
	pause := min(c.backoff<<min(attempt-1, 16), 100*c.backoff)
	return max(pause-rand.N(pause/2+1), export.RetryDelay(err))
}

// WithQueueSize sets how many records wait at most. The default is
// DefaultQueueSize.
func WithQueueSize(n int) BatchOption { return func(c *batchConfig) { c.queueSize = n } }

// WithBatchSize sets how many records are exported together at most. The default
// is DefaultBatchSize.
func WithBatchSize(n int) BatchOption { return func(c *batchConfig) { c.batchSize = n } }

// WithBatchInterval sets how long a record waits for others. The default is
// DefaultBatchInterval.
func WithBatchInterval(d time.Duration) BatchOption {
	return func(c *batchConfig) { c.interval = d }
}

// WithExportTimeout bounds one call of Export. The default is
// DefaultExportTimeout.
func WithExportTimeout(d time.Duration) BatchOption {
	return func(c *batchConfig) { c.exportTimeout = d }
}

// WithMaxAttempts sets how often a record is exported before it is given up. The
// default is DefaultMaxAttempts.
func WithMaxAttempts(n int) BatchOption { return func(c *batchConfig) { c.maxAttempts = n } }

// WithBackoff sets the pause before the second attempt. The default is
// DefaultBackoff.
func WithBackoff(d time.Duration) BatchOption { return func(c *batchConfig) { c.backoff = d } }
