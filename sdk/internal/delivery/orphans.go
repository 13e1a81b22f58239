package delivery

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/opendeed/audit/sdk/ledger"
)

// orphan is a cursor of an exporter that is not configured. It holds back retention.
type orphan struct {
	name   string
	cursor *ledger.Cursor
}

// findOrphans finds and logs the cursors without an exporter.
func (d *Ledger) findOrphans() {
	for _, name := range d.ledger.CursorNames() {
		if slices.ContainsFunc(d.followers, func(f *follower) bool { return f.name == name }) {
			continue
		}
		d.logger.Warn("audit: the ledger has a cursor of an exporter that is not configured; it holds back retention until Ledger.RemoveCursor",
			slog.String("ledger", d.name), slog.String("exporter", name))
		if cursor, err := d.ledger.Cursor(name); err == nil { // a damaged cursor has no position
			d.orphans = append(d.orphans, orphan{name, cursor})
		}
	}
}

// explain translates an error of the ledger. If it is full, the error names the cursors
// that no exporter moves.
func (d *Ledger) explain(err error) error {
	if !errors.Is(err, ledger.ErrFull) {
		return ledgerError(err)
	}
	for _, o := range d.orphans {
		err = errors.Join(err, fmt.Errorf("cursor %s holds back retention, and no exporter with that name is configured; remove it with Ledger.RemoveCursor", o.name))
	}
	return ledgerError(err)
}
