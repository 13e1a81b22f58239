package sdk

import (
	"errors"

	"github.com/opendeed/audit"
)

// RemoveCursor removes the cursor of an exporter that is not configured any more, so that
// its ledger no longer keeps records for it. Those that the exporter did not get are then
// removed as ledger.WithRetention allows. An exporter of that name that is added later
// starts with the oldest record. It leaves no record; deed ledger remove-cursor does.
//
// The error says if the exporter is configured, or if no ledger has a cursor of that name.
func (p *TrackerProvider) RemoveCursor(exporter string) error {
	if !p.pipeline.gate.Enter() {
		return audit.ErrShutdown
	}
	defer p.pipeline.gate.Leave()
	for l := range p.ledgers() {
		if found, err := l.RemoveCursor(exporter); found {
			return err
		}
	}
	return errors.New("sdk: no ledger of the provider has a cursor with that name")
}
