package sdk

import (
	"errors"
	"fmt"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk/ledger"
)

// DefaultBatchBytes is how many bytes of records are exported together at most from a
// ledger.
const DefaultBatchBytes = 4 << 20

// LedgerOption configures a ledger and how its exporters follow.
type LedgerOption func(*ledgerConfig)

type ledgerConfig struct {
	ledger     []ledger.Option
	export     []BatchOption
	batchBytes int
	batch      batchConfig // what export comes to
}

func newLedgerConfig(opts []LedgerOption) (ledgerConfig, error) {
	c := ledgerConfig{batchBytes: DefaultBatchBytes}
	for _, opt := range opts {
		opt(&c)
	}
	c.batch = newBatchConfig(c.export)
	errs := c.batch.errs
	if c.batchBytes < 1 {
		errs = append(errs, errors.New("WithBatchBytes: the number must be positive"))
	}
	if c.batch.batchSize > ledger.MaxBeyond {
		errs = append(errs, fmt.Errorf("WithBatchSize: a ledger exports at most %d records together", ledger.MaxBeyond))
	}
	if c.batch.queueSize != DefaultQueueSize || c.batch.maxAttempts != DefaultMaxAttempts {
		errs = append(errs, errors.New("WithExport: a ledger has no queue and never gives up; leave out WithQueueSize and WithMaxAttempts"))
	}
	return c, errors.Join(errs...)
}

// WithSyncInterval relaxes what Track promises: its nil survives the process, but the
// records of the last interval may be lost with the machine. Without it every nil is
// on stable storage.
func WithSyncInterval(d time.Duration) LedgerOption {
	return withLedger(ledger.WithSyncInterval(d))
}

// WithLedgerSize bounds the ledger, in bytes. Over it Track waits for exporters and
// retention to make room, and returns audit.ErrLedgerFull after the track timeout.
// The default is the disk.
func WithLedgerSize(bytes int64) LedgerOption { return withLedger(ledger.WithMaxSize(bytes)) }

// WithSegmentSize sets the size of the ledger's files, in bytes, by which it removes
// what is over. The default is ledger.DefaultSegmentSize.
func WithSegmentSize(bytes int64) LedgerOption { return withLedger(ledger.WithSegmentSize(bytes)) }

// WithRetention allows the ledger to remove records that every exporter has: those
// older than age, and the oldest while there are more than size bytes. Zero for one
// of them is no bound; zero for both keeps nothing that every exporter has. By
// default a ledger keeps everything.
func WithRetention(age time.Duration, size int64) LedgerOption {
	return withLedger(ledger.WithRetention(age, size))
}

// WithSalvage makes a provider start on a damaged ledger, which it refuses otherwise.
// The damage stays in the files for whoever looks into it, and is logged.
func WithSalvage() LedgerOption { return withLedger(ledger.WithSalvage()) }

func withLedger(opt ledger.Option) LedgerOption {
	return func(c *ledgerConfig) { c.ledger = append(c.ledger, opt) }
}

// WithBatchBytes sets how many bytes of records are exported together at most, unless
// one alone has more. The default is DefaultBatchBytes.
func WithBatchBytes(n int) LedgerOption { return func(c *ledgerConfig) { c.batchBytes = n } }

// WithExport sets how exporters are fed: WithBatchSize, WithBatchInterval,
// WithExportTimeout and WithBackoff.
func WithExport(opts ...BatchOption) LedgerOption {
	return func(c *ledgerConfig) { c.export = append(c.export, opts...) }
}

// WithLedger stores records in the directory dir, and returns from Track once they are
// on stable storage. The exporters follow, each at its own pace and from its own
// cursor, over restarts and outages: a record that an exporter fails to deliver is
// tried again until it is delivered, with a pause that doubles, and keeps those behind
// it waiting, but no other exporter. What an exporter refuses for good (Permanent) is
// kept with the reason among the dead letters.
//
// An exporter gets every record at least once, in order but for those that it refused
// for a while: it may see a record again, under the same ID, after the process was
// killed, and after an Export whose outcome it did not know itself. A new exporter
// begins with the oldest record that is kept. Without exporters the ledger is an
// embedded store. A directory has one writer at a time.
//
// Attempts (audit.Begin) that the last process left open are closed before
// NewTrackerProvider returns, each by a record of the system actor RecoveryActor. The
// ledger's files know which those are: it is not read from its beginning. With
// WithSyncInterval an attempt is as safe as any other record.
func WithLedger(dir string, exporters []export.Exporter, opts ...LedgerOption) Option {
	return func(c *config) {
		lc, err := newLedgerConfig(opts)
		if err != nil {
			c.fail(fmt.Errorf("WithLedger: %w", err))
		}
		if dir == "" {
			c.fail(errors.New("WithLedger: the directory is not given"))
		}
		name := "ledger"
		if c.ledgers++; c.ledgers > 1 {
			name = fmt.Sprintf("ledger-%d", c.ledgers)
		}
		c.names = append(c.names, name)
		for _, e := range exporters {
			c.addName(e, "WithLedger")
		}
		c.deliveries = append(c.deliveries, func(p *TrackerProvider) (delivery, error) {
			return openLedger(p, name, dir, p.enforcement.filter(exporters), lc)
		})
	}
}
