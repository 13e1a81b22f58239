package ledger

import (
	"errors"
	"fmt"
	"time"
)

const (
	// DefaultSegmentSize is the size of a segment file, in bytes.
	DefaultSegmentSize = 64 << 20
	// MinSegmentSize is the least that WithSegmentSize takes.
	MinSegmentSize = 64 << 10
	// MaxSegmentSize is the most that WithSegmentSize takes.
	MaxSegmentSize = 2 << 30
	// MaxEntrySize is the size of the largest entry, in bytes. Smaller segments hold
	// smaller entries only.
	MaxEntrySize = 16 << 20
)

// Option changes how a Ledger works.
type Option func(*config)

// LedgerOption marks o as an option of sdk.WithLedger.
func (Option) LedgerOption() {}

type config struct {
	segmentSize  int64
	maxSize      int64
	retain       bool
	retainAge    time.Duration
	retainSize   int64
	syncInterval time.Duration
	salvage      bool
}

// WithSegmentSize sets the size of segment files, in bytes. An Append is stored in
// one segment, so that this bounds how much it may be. The default is
// DefaultSegmentSize.
func WithSegmentSize(bytes int64) Option {
	return func(c *config) { c.segmentSize = bytes }
}

// WithMaxSize bounds what all segments have together, in bytes. An Append over it
// waits until segments are removed, which takes consumers and WithRetention. The
// default is the disk.
func WithMaxSize(bytes int64) Option {
	return func(c *config) { c.maxSize = bytes }
}

// WithRetention allows the ledger to remove segments that every cursor has passed:
// those whose newest entry is older than age, and the oldest ones while there are
// more than size bytes. Zero for either means that it removes none; zero for both
// that it keeps nothing that every cursor has passed. Without this option, and
// without cursors, everything is kept.
//
// The age is told by the machine's clock.
func WithRetention(age time.Duration, size int64) Option {
	return func(c *config) { c.retain, c.retainAge, c.retainSize = true, age, size }
}

// WithSyncInterval relaxes what nil from Append means: the entries survive the
// process, but those of the last interval may be lost with the machine. Cursors hand
// out synced entries only.
func WithSyncInterval(d time.Duration) Option {
	return func(c *config) { c.syncInterval = d }
}

// WithSalvage makes Open go on in a new segment where the ledger is damaged. The
// damage stays, Recovered reports it, and readers get a *CorruptError for it when
// they come to it.
func WithSalvage() Option {
	return func(c *config) { c.salvage = true }
}

func newConfig(opts []Option) (config, error) {
	c := config{segmentSize: DefaultSegmentSize}
	for _, opt := range opts {
		opt(&c)
	}
	var errs []error
	if c.segmentSize < MinSegmentSize || c.segmentSize > MaxSegmentSize {
		errs = append(errs, fmt.Errorf("WithSegmentSize: %d is not between %d and %d", c.segmentSize, MinSegmentSize, int64(MaxSegmentSize)))
	}
	if c.maxSize != 0 && c.maxSize < 2*c.segmentSize {
		errs = append(errs, fmt.Errorf("WithMaxSize: %d is less than two segments of %d bytes", c.maxSize, c.segmentSize))
	}
	if c.retainAge < 0 || c.retainSize < 0 {
		errs = append(errs, errors.New("WithRetention: age and size must not be negative"))
	}
	if c.syncInterval < 0 {
		errs = append(errs, errors.New("WithSyncInterval: the interval must not be negative"))
	}
	return c, errors.Join(errs...)
}
