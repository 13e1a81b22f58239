package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/internal/panics"
	"github.com/opendeed/audit/seal"
)

const (
	// checkpointInterval is how long after a checkpoint an exporter gets the next one.
	checkpointInterval = time.Minute
	// checkpointTimeout limits one call of ExportCheckpoint.
	checkpointTimeout = 30 * time.Second
	// checkpointGrace is how long a Shutdown waits for the last checkpoint, and then for the
	// exporter to keep it.
	checkpointGrace = 2 * time.Second
)

// courier delivers the newest checkpoint of a sealed ledger to one exporter. It has a goroutine
// of its own, so that records wait for nothing.
type courier struct {
	exporter export.CheckpointExporter
	name     string
	log      string // the ID of the ledger
	newest   func() seal.Checkpoint
	interval time.Duration
	logger   *slog.Logger
	clean    func(error) error

	life context.Context
	end  context.CancelFunc
	done chan struct{} // closed when loop has returned

	// Of the goroutine, and of finish after it.
	sent     string // the note that was delivered last
	reported string // the last error that was logged
}

// newCourier returns nil if the exporter keeps no checkpoints, or the ledger is not sealed.
func newCourier(f *follower, sealer *seal.Sealer) *courier {
	e, ok := keepsCheckpoints(f.exporter)
	if !ok || sealer == nil {
		return nil
	}
	c := &courier{
		exporter: e, name: f.name, log: f.log, newest: sealer.Newest, interval: checkpointInterval, logger: f.logger,
		clean: func(err error) error { return f.clean(err, nil) }, done: make(chan struct{}),
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// keepsCheckpoints returns the exporter if it keeps checkpoints.
func keepsCheckpoints(e export.Exporter) (export.CheckpointExporter, bool) {
	c, ok := e.(export.CheckpointExporter)
	return c, ok && c.KeepsCheckpoints()
}

// loop runs in its own goroutine.
func (c *courier) loop() {
	defer close(c.done)
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.deliver(c.life, checkpointTimeout)
		case <-c.life.Done():
			return
		}
	}
}

// deliver delivers the newest checkpoint, unless the exporter has it.
func (c *courier) deliver(ctx context.Context, timeout time.Duration) {
	newest := c.newest()
	if len(newest.Note) == 0 || string(newest.Note) == c.sent {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := c.call(ctx, export.Checkpoint{Log: c.log, Size: newest.Size, Note: newest.Note, Time: time.Now().UTC()})
	if err == nil {
		c.sent, c.reported = string(newest.Note), ""
		return
	}
	if errors.Is(c.life.Err(), context.Canceled) && errors.Is(err, context.Canceled) {
		return // finish tries again
	}
	if text := err.Error(); text != c.reported {
		c.reported = text
		c.logger.WarnContext(ctx, "audit: an exporter did not keep a checkpoint; the next one is tried, and no record waits for it",
			slog.String("exporter", c.name), slog.Any("error", err))
	}
}

func (c *courier) call(ctx context.Context, checkpoint export.Checkpoint) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.clean(panics.Error(p))
		}
	}()
	return c.clean(c.exporter.ExportCheckpoint(ctx, checkpoint))
}

// finish ends the goroutine, and delivers the last checkpoint once sealed is closed. It gives up
// after some seconds, or when ctx ends. It reports whether a call is still running.
func (c *courier) finish(ctx context.Context, sealed <-chan struct{}) (hung bool) {
	c.end()
	grace := time.NewTimer(checkpointGrace)
	defer grace.Stop()
	select {
	case <-c.done:
	case <-grace.C:
		return true
	}
	select {
	case <-sealed:
	case <-grace.C:
	case <-ctx.Done():
	}
	last := make(chan struct{})
	go func() {
		defer close(last)
		c.deliver(ctx, checkpointGrace)
	}()
	select {
	case <-last:
		return false
	case <-time.After(checkpointGrace + abortGrace):
		return true
	}
}
