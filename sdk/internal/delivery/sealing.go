package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
)

// Sealing says how a ledger is sealed. Without a key it is not.
type Sealing struct {
	Key     *seal.Key
	Options []seal.Option
}

// errSealedRetention means that a sealed ledger would remove segments of which no record says so.
var errSealedRetention = fmt.Errorf("a sealed ledger removes segments with ledger.WithRetention, and verifying it would report them as missing; "+
	"leave that out, and remove them with deed retention or package archive/retention, which record it: %w", ledger.ErrOwnRetention)

// startSeal compares the ledger with what was sealed, and seals what follows.
func (d *Ledger) startSeal(s *Sealing) error {
	if s.Key == nil {
		return nil
	}
	options := append(slices.Clip(s.Options), seal.WithErrorHandler(func(err error) {
		if _, contradicts := errors.AsType[*seal.AnchorError](err); contradicts {
			d.logger.Error("audit: the ledger is not sealed any more", slog.String("ledger", d.name), slog.Any("error", err))
			return
		}
		if _, ok := errors.AsType[*seal.WitnessError](err); ok {
			level := slog.LevelWarn
			if errors.Is(err, seal.ErrFork) || errors.Is(err, seal.ErrRollback) {
				level = slog.LevelError
			}
			d.logger.Log(context.Background(), level, "audit: witnesses have not cosigned the newest checkpoint of the ledger",
				slog.String("ledger", d.name), slog.Any("error", err))
			return
		}
		d.logger.Warn("audit: sealing the ledger failed, and is tried again; no record is lost",
			slog.String("ledger", d.name), slog.Any("error", err))
	}))
	var err error
	d.sealer, err = seal.Start(context.Background(), d.ledger, s.Key, options...)
	return err
}

// warnAlone logs that only the ledger's directory has the checkpoints: whoever removes it, or puts
// an old copy back, takes them along.
func (d *Ledger) warnAlone(exporters []Following) {
	if d.sealer == nil || d.sealer.HeldElsewhere() {
		return
	}
	for _, to := range exporters {
		if _, ok := keepsCheckpoints(to.Exporter); ok {
			return
		}
	}
	d.logger.Warn("audit: nothing outside of the ledger's directory has its checkpoints, so nobody would notice that the ledger was removed or an old copy put back; "+
		"use seal.WithAnchor or seal.WithWitnesses, or seal.anchor or seal.witnesses of a configuration", slog.String("ledger", d.name))
}

// stopSeal seals what is left.
func (d *Ledger) stopSeal(ctx context.Context) error {
	if d.sealer == nil {
		return nil
	}
	return d.sealer.Close(ctx)
}

// ofSeal reports whether a cursor is that of the seal, which is no exporter's.
func (d *Ledger) ofSeal(cursor string) bool { return d.sealer != nil && cursor == seal.CursorName }
