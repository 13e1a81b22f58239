package delivery

import (
	"fmt"
	"log/slog"

	"github.com/opendeed/audit/seal"
)

// reportOrphans logs cursors without an exporter, because they hold back retention.
func (d *Ledger) reportOrphans() {
	stats := d.ledger.Stats()
	for name, committed := range stats.Cursors {
		switch {
		case d.follower(name) != nil || d.ofSeal(name):
		case name == seal.CursorName:
			d.logger.Warn("audit: the ledger was sealed, and this process does not seal it; the seal's cursor holds back retention until TrackerProvider.RemoveCursor removes it",
				slog.String("ledger", d.name), slog.Uint64("records", stats.Next-1-committed))
		default:
			d.logger.Warn("audit: the ledger has a cursor of an exporter that is not configured; it holds back retention until deed ledger remove-cursor, or TrackerProvider.RemoveCursor, removes it",
				slog.String("ledger", d.name), slog.String("exporter", name), slog.Uint64("records", stats.Next-1-committed))
		}
	}
}

// reportNewExporters logs exporters that get all records of the ledger: those that are new,
// or whose cursor was removed.
func (d *Ledger) reportNewExporters(exporters []Following) {
	stats := d.ledger.Stats()
	for _, to := range exporters {
		name := to.Exporter.Name()
		if _, known := stats.Cursors[name]; !known && stats.Next > stats.First {
			d.logger.Info("audit: the ledger has no cursor for this exporter; it starts with the oldest record",
				slog.String("ledger", d.name), slog.String("exporter", name), slog.Uint64("records", stats.Next-stats.First))
		}
	}
}

// follower returns the follower of an exporter, or nil.
func (d *Ledger) follower(exporter string) *follower {
	for _, f := range d.followers {
		if f.name == exporter {
			return f
		}
	}
	return nil
}

// RemoveCursor removes the cursor of an exporter that is not configured. It sets found to
// false if the ledger has no cursor of that name.
func (d *Ledger) RemoveCursor(exporter string) (found bool, err error) {
	if d.ofSeal(exporter) {
		return true, fmt.Errorf("sdk: the cursor %s is that of the seal, which is in use", exporter)
	}
	if d.follower(exporter) != nil {
		return true, fmt.Errorf("sdk: the exporter %s is in use; remove its cursor after a start without it", exporter)
	}
	if _, ok := d.ledger.Stats().Cursors[exporter]; !ok {
		return false, nil
	}
	return true, d.ledger.RemoveCursor(exporter)
}
