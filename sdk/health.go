package sdk

import (
	"errors"
	"fmt"

	"github.com/opendeed/audit"
)

// Err returns why the provider records no events until the process restarts, or nil. It is
// cheap enough for a liveness probe. The error wraps a *ledger.LostError if a ledger has
// lost its files, or if another process writes to it; after Shutdown it is
// audit.ErrShutdown. Exporters that fail and ledgers that are full recover without a
// restart, so Err does not report them.
func (p *TrackerProvider) Err() error {
	if p.pipeline.gate.Closed() {
		return audit.ErrShutdown
	}
	var errs []error
	for l := range p.ledgers() {
		if err := l.Err(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.Name(), err))
		}
	}
	return errors.Join(errs...)
}
