package sdk

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/seal"
)

// WithSeal seals the ledger: whoever holds its newest checkpoint can find out whether a record
// below it was changed, removed or put in since. Package seal describes how.
//
//	key, err := seal.LoadKey("/etc/app/audit.key")
//	...
//	sdk.WithSeal(key, seal.WithAnchor(seal.AnchorFile("/mnt/elsewhere/audit.checkpoint")))
//
// A checkpoint is signed at most once a second, and by Shutdown. Track does not wait for it.
// NewTrackerProvider compares the ledger with what was sealed. If they contradict each other,
// as after an old copy was put back, the error wraps a [*seal.AnchorError]. With
// ledger.WithRetention it is ledger.ErrOwnRetention: only a record accounts for what is removed.
func WithSeal(key *seal.Key, opts ...seal.Option) Option {
	return func(c *config) {
		if key == nil {
			c.fail(errors.New("WithSeal: the key is nil"))
			return
		}
		c.seal = delivery.Sealing{Key: key, Options: opts}
	}
}

// checkSeal requires one ledger for a seal.
func (c *config) checkSeal() {
	if c.seal.Key == nil {
		return
	}
	if c.ledgers != 1 {
		c.fail(fmt.Errorf("WithSeal: it seals one ledger, and there are %d; add or leave out sdk.WithLedger", c.ledgers))
	}
	if slices.Contains(c.exporters, seal.CursorName) {
		c.fail(fmt.Errorf("WithSeal: no exporter of a sealed ledger can be named %q", seal.CursorName))
	}
}
