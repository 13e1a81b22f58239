package delivery

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk/ledger"
)

// Config configures how records are passed to an exporter. QueueSize and MaxAttempts
// apply to batchers only, BatchBytes to the followers of a ledger only.
type Config struct {
	BatchSize     int           // maximum number of records in one Export call
	BatchInterval time.Duration // how long an incomplete batch waits for more records
	ExportTimeout time.Duration // limit of one Export call
	Backoff       time.Duration // pause before the second attempt; see delay
	QueueSize     int           // maximum number of queued records
	MaxAttempts   int           // attempts before a record is given up
	BatchBytes    int           // maximum size of the records in one Export call
}

// Following is an exporter of a ledger and how it is fed. Its Config was checked.
type Following struct {
	Exporter export.Exporter
	Config   Config
}

// CheckBatcher reports what is wrong with the configuration of a batcher.
func (c *Config) CheckBatcher() error {
	errs := []error{c.check()}
	if c.QueueSize < 1 {
		errs = append(errs, errors.New("WithQueueSize: the size must be at least 1"))
	}
	if c.MaxAttempts < 1 {
		errs = append(errs, errors.New("WithMaxAttempts: the number must be at least 1"))
	}
	return errors.Join(errs...)
}

// CheckFollower reports what is wrong with the configuration of a ledger's follower.
func (c *Config) CheckFollower() error {
	errs := []error{c.check()}
	if c.BatchBytes < 1 {
		errs = append(errs, errors.New("WithBatchBytes: the number must be at least 1"))
	}
	if c.BatchSize > ledger.MaxCommitAhead {
		errs = append(errs, fmt.Errorf("WithBatchSize: an exporter of a ledger gets at most %d records at a time", ledger.MaxCommitAhead))
	}
	return errors.Join(errs...)
}

func (c *Config) check() error {
	var errs []error
	if c.BatchSize < 1 {
		errs = append(errs, errors.New("WithBatchSize: the size must be at least 1"))
	}
	if c.BatchInterval <= 0 {
		errs = append(errs, errors.New("WithBatchInterval: the interval must be positive"))
	}
	if c.ExportTimeout <= 0 {
		errs = append(errs, errors.New("WithExportTimeout: the timeout must be positive"))
	}
	if c.Backoff <= 0 {
		errs = append(errs, errors.New("WithBackoff: the pause must be positive"))
	}
	return errors.Join(errs...)
}

// delay returns the pause after the given attempt failed with err. It starts with the
// backoff and doubles with each attempt, up to 100 times the backoff. A random part of up
// to a half is subtracted. If the exporter asks for a longer pause (export.RetryAfter),
// that counts.
func (c *Config) delay(attempt int, err error) time.Duration {
	pause := min(c.Backoff<<min(attempt-1, 16), 100*c.Backoff)
	return max(pause-rand.N(pause/2+1), export.RetryDelay(err))
}

// abortGrace is how long an exporter has to return after its context ended.
const abortGrace = 100 * time.Millisecond
