package sdk

import (
	"errors"
	"fmt"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/ledger"
)

// LedgerOption configures [WithLedger]. It is the result of [ExportTo], or a
// [ledger.Option] such as [ledger.WithRetention].
type LedgerOption interface{ LedgerOption() }

// exportTo is the LedgerOption that adds an exporter.
type exportTo struct {
	exporter export.Exporter
	options  []ExportOption
}

func (exportTo) LedgerOption() {}

// ExportTo adds an exporter that follows the ledger at its own pace. The ledger keeps a
// cursor for it, so it continues after restarts and outages.
//
// If an export fails, it is retried until it succeeds; see [WithBackoff]. Later records
// wait for it, but other exporters do not. A record that the exporter rejects permanently
// ([export.Permanent]) becomes a dead letter; see [TrackerProvider.DeadLetters].
//
// The exporter gets every record at least once. It gets them in order, except that a
// record which it rejected temporarily comes again after the rest of its batch. It may
// get a record twice, under the same ID, if the process was killed, or if it did not know
// itself whether an export succeeded. A new exporter starts with the oldest record in the
// ledger.
func ExportTo(e export.Exporter, opts ...ExportOption) LedgerOption {
	return exportTo{exporter: e, options: opts}
}

// withControl is the LedgerOption that listens for commands.
type withControl struct{}

func (withControl) LedgerOption() {}

// WithControl lets commands of the same user on the same machine, such as deed retention apply,
// ask the process to remove segments of the ledger, by a socket in its directory: see package
// control. On Windows, and if the path of the directory is longer than some 80 bytes, it is an
// error.
func WithControl() LedgerOption { return withControl{} }

// RecoveryActor is the ID of the system actor in records that close attempts which a
// stopped process left open.
const RecoveryActor = "audit-recovery"

// ErrTooManyAttempts is the error of audit.Begin if a ledger has no room for another open
// attempt: there are [ledger.MaxOpenPairs] of them, or their records take
// [ledger.MaxOpenPairBytes]. One actor other than a system actor, and one anonymous client's
// network, may have a quarter of both. The usual cause is an application that does not call
// Finish; see [WithAttemptTimeout].
var ErrTooManyAttempts = delivery.ErrTooManyAttempts

// WithLedger stores records in a ledger in the directory dir, which is created if it does
// not exist. Track returns once the record is on stable storage. The exporters that
// [ExportTo] adds follow. Without exporters the ledger is an embedded store.
//
//	sdk.WithLedger("audit-ledger",
//		sdk.ExportTo(stdoutExporter),
//		sdk.ExportTo(mongoExporter, sdk.WithBatchSize(500)),
//		ledger.WithRetention(90*24*time.Hour, 0),
//	)
//
// One process writes to a directory at a time. By default the ledger keeps every record,
// grows until the disk is full, and syncs the disk before Track returns nil. Options of
// package ledger change this. If a ledger stays full for the track timeout, Track returns
// an error that matches audit.ErrFull.
//
// A ledger with a limit (ledger.WithMaxSize) is shared, so that nobody's load stops
// another. Anonymous clients may use a quarter of it, and the denials of authenticated
// actors another quarter; one party may use an eighth of such a share. What exceeds a
// share is folded ([WithFolding]). The last quarter is for all other records of
// authenticated actors. An eighth of the limit is kept for dead letters, if the ledger has
// exporters.
//
// NewTrackerProvider closes the attempts ([audit.Begin]) that the last process left open.
// For each it stores a record of the system actor RecoveryActor with an unknown outcome.
func WithLedger(dir string, opts ...LedgerOption) Option {
	return func(c *config) {
		name := "ledger"
		if c.ledgers++; c.ledgers > 1 {
			name = fmt.Sprintf("ledger-%d", c.ledgers)
		}
		c.names = append(c.names, name)
		if dir == "" {
			c.fail(errors.New("WithLedger: the path of the directory is empty"))
		}
		l := delivery.LedgerConfig{Name: name, Dir: dir}
		for _, opt := range opts {
			switch opt := opt.(type) {
			case exportTo:
				c.addFollower(&l, opt)
			case withControl:
				l.Control = true
			case ledger.Option:
				l.Options = append(l.Options, opt)
			default:
				c.fail(fmt.Errorf("WithLedger: %T is not an option of a ledger; use sdk.ExportTo or an option of package ledger", opt))
			}
		}
		c.deliveries = append(c.deliveries, func(parts *deliveryParts) (delivery.Delivery, error) {
			l.Env, l.Closing, l.AttemptTimeout = parts.env, parts.closing, parts.attemptTimeout
			l.Seal, l.Drained = parts.seal, parts.drained
			for i := range l.Exporters {
				l.Exporters[i].Exporter = parts.filter(l.Exporters[i].Exporter)
			}
			d, err := delivery.OpenLedger(l)
			if err != nil {
				return nil, fmt.Errorf("WithLedger: %w", err)
			}
			return d, nil
		})
	}
}

// addFollower checks an exporter and its options and adds it to the ledger.
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
