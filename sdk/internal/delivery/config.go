package delivery

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk/ledger"
)

// Config says how an exporter is fed. QueueSize and MaxAttempts are for batchers,
// BatchBytes is for the followers of a ledger.
type Config struct {
	BatchSize     int           // records in one Export call, at most
	BatchInterval time.Duration // how long a record waits for others
	ExportTimeout time.Duration // of one Export call
	Backoff       time.Duration // before the second attempt; doubles up to 100 times
	QueueSize     int           // records that wait, at most
	MaxAttempts   int           // before a record is given up
	BatchBytes    int           // bytes of records in one Export call, at most
}

// Following is an exporter of a ledger and how it is fed. Its Config was checked.
type Following struct {
	Exporter export.Exporter
	Config   Config
}

// CheckBatcher reports what is wrong with the configuration of a batcher.
func (c *Config) CheckBatcher() error {
	if c.QueueSize < 1 || c.MaxAttempts < 1 {
		return errors.Join(errors.New("queue size and attempts must be at least 1"), c.check())
	}
	return c.check()
}

// CheckFollower reports what is wrong with the configuration of a ledger's follower.
func (c *Config) CheckFollower() error {
	errs := []error{c.check()}
	if c.BatchBytes < 1 {
		errs = append(errs, errors.New("WithBatchBytes: the number must be positive"))
	}
	if c.BatchSize > ledger.MaxCommitAhead {
		errs = append(errs, fmt.Errorf("WithBatchSize: a ledger exports at most %d records together", ledger.MaxCommitAhead))
	}
	return errors.Join(errs...)
}

func (c *Config) check() error {
	var errs []error
	if c.BatchSize < 1 {
		errs = append(errs, errors.New("batch size must be at least 1"))
	}
	if c.BatchInterval <= 0 || c.ExportTimeout <= 0 || c.Backoff <= 0 {
		errs = append(errs, errors.New("interval, export timeout and backoff must be positive"))
	}
	return errors.Join(errs...)
}

// delay returns how long to wait after the given attempt failed: the backoff, less a
// random part of up to a half, or longer if the sink asks for that (export.RetryAfter).
func (c *Config) delay(attempt int, err error) time.Duration {
	pause := min(c.Backoff<<min(attempt-1, 16), 100*c.Backoff)
	return max(pause-rand.N(pause/2+1), export.RetryDelay(err))
}

// abortGrace is how long an exporter has to return after its context ended.
const abortGrace = 100 * time.Millisecond
