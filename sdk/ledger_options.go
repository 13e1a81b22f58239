package sdk

import (
	"errors"
	"fmt"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/ledger"
)

// LedgerOption configures [WithLedger]. It is made by [ExportTo], or is a
// [ledger.Option] such as [ledger.WithRetention].
type LedgerOption interface{ LedgerOption() }

// exportTo is the LedgerOption that adds an exporter.
type exportTo struct {
	exporter export.Exporter
	options  []ExportOption
}

func (exportTo) LedgerOption() {}

// ExportTo adds an exporter that follows the ledger, at its own pace and from its own
// cursor, across restarts and outages.
//
// A record that the exporter fails to deliver is retried until it is delivered, with a
// pause that doubles; later records wait for it, other exporters do not. A record that
// the exporter rejects permanently (export.Permanent) is kept among the dead letters,
// with the reason.
//
// The exporter gets every record at least once, in order except for those that it
// rejected for a while. It may get a record again, under the same ID, after the process
// was killed and after an Export whose outcome it did not know itself. A new exporter
// starts with the oldest record that is kept.
func ExportTo(e export.Exporter, opts ...ExportOption) LedgerOption {
	return exportTo{exporter: e, options: opts}
}

// RecoveryActor is the ID of the system actor that closes attempts which a stopped
// process left open.
const RecoveryActor = "audit-recovery"

// ErrTooManyAttempts is the error of beginning an attempt while ledger.MaxOpenPairs are open
// in the ledger. The application does not finish what it begins.
var ErrTooManyAttempts = delivery.ErrTooManyAttempts

// WithLedger stores records in the directory dir. Track returns once they are on stable
// storage, and the exporters given by [ExportTo] follow. Without exporters the ledger is
// an embedded store.
//
//	sdk.WithLedger("audit-ledger",
//		sdk.ExportTo(stdoutExporter),
//		sdk.ExportTo(mongoExporter, sdk.WithBatchSize(500)),
//		ledger.WithRetention(90*24*time.Hour, 0),
//	)
//
// A directory has one writer at a time. By default the ledger keeps every record, grows
// until the disk is full, and syncs before every nil; package ledger has the options
// that change this. Track waits for room in a full ledger, and returns
// audit.ErrFull after the track timeout.
//
// NewTrackerProvider closes attempts (audit.Begin) that the last process left open, each
// by a record of the system actor RecoveryActor. The ledger's files know which those
// are, so the ledger is not read from its beginning.
func WithLedger(dir string, opts ...LedgerOption) Option {
	return func(c *config) {
		name := "ledger"
		if c.ledgers++; c.ledgers > 1 {
			name = fmt.Sprintf("ledger-%d", c.ledgers)
		}
		c.names = append(c.names, name)
		if dir == "" {
			c.fail(errors.New("WithLedger: the directory is not given"))
		}
		l := delivery.LedgerConfig{Name: name, Dir: dir}
		for _, opt := range opts {
			switch opt := opt.(type) {
			case exportTo:
				c.addFollower(&l, opt)
			case ledger.Option:
				l.Options = append(l.Options, opt)
			default:
				c.fail(fmt.Errorf("WithLedger: an option is a %T; use sdk.ExportTo or an option of package ledger", opt))
			}
		}
		c.deliveries = append(c.deliveries, func(p *TrackerProvider) (delivery.Delivery, error) {
			d, err := p.openLedger(l)
			if err != nil {
				return nil, fmt.Errorf("WithLedger: %w", err)
			}
			return d, nil
		})
	}
}

func (c *config) addFollower(l *delivery.LedgerConfig, to exportTo) {
	conf := defaultDelivery()
	for _, opt := range to.options {
		opt.follower(&conf)
	}
	if err := conf.CheckFollower(); err != nil {
		c.fail(fmt.Errorf("ExportTo: %w", err))
	}
	if c.addName(to.exporter, "ExportTo") {
		l.Exporters = append(l.Exporters, delivery.Following{Exporter: to.exporter, Config: conf})
	}
}

// openLedger opens the ledger with what the provider knows.
func (p *TrackerProvider) openLedger(l delivery.LedgerConfig) (*delivery.Ledger, error) {
	for i := range l.Exporters {
		l.Exporters[i].Exporter = p.enforcement.filter(l.Exporters[i].Exporter)
	}
	l.Env = p.env
	l.Redact = func(reason string) string {
		clean, _ := p.redactor.Text(reason)
		return clean
	}
	l.Closing = delivery.Closing{
		Actor:    RecoveryActor,
		Tracker:  record.Instrumentation{Name: instrumentationName},
		Resource: p.resource,
		Timeout:  p.trackTimeout,
		Closed:   p.metrics.addAccepted,
	}
	return delivery.OpenLedger(l)
}
