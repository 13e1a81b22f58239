package sdk

import (
	"fmt"
	"path/filepath"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk/internal/delivery"
)

// RemoveBefore removes the oldest segments of the provider's ledger in dir, as
// ledger.Ledger.RemoveBefore does: as far as all of their entries come before the entry seq and
// every exporter has them. It returns the sequence number of the oldest entry that is left. Dir
// is the path that WithLedger has got, or another one of the same directory.
//
// Package archive/retention calls it for a policy, after it has archived what is kept longer.
func (p *TrackerProvider) RemoveBefore(dir string, seq uint64) (first uint64, err error) {
	if !p.pipeline.gate.Enter() {
		return 0, audit.ErrShutdown
	}
	defer p.pipeline.gate.Leave()
	wanted, err := filepath.Abs(dir)
	if err != nil {
		return 0, fmt.Errorf("sdk: %w", err)
	}
	for _, d := range p.deliveries {
		if l, ok := d.(*delivery.Ledger); ok && l.Dir() == wanted {
			return l.RemoveBefore(seq)
		}
	}
	return 0, fmt.Errorf("sdk: the provider has no ledger in %s", dir)
}
