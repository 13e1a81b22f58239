package config

import (
	"context"
	"errors"
	"sync"

	"github.com/opendeed/audit/export"
)

// owned is an exporter and the resources opened for it. Only its first Shutdown has an effect.
type owned struct {
	export.Exporter

	release func(context.Context) error // or nil

	once sync.Once
	err  error
}

var (
	_ export.DirectExporter     = (*owned)(nil)
	_ export.CheckpointExporter = (*owned)(nil)
)

// Direct returns what the exporter does.
func (o *owned) Direct() bool {
	d, ok := o.Exporter.(export.DirectExporter)
	return ok && d.Direct()
}

// KeepsCheckpoints returns what the exporter does.
func (o *owned) KeepsCheckpoints() bool {
	c, ok := o.Exporter.(export.CheckpointExporter)
	return ok && c.KeepsCheckpoints()
}

// ExportCheckpoint forwards the checkpoint if the exporter keeps checkpoints.
func (o *owned) ExportCheckpoint(ctx context.Context, c export.Checkpoint) error {
	if e, ok := o.Exporter.(export.CheckpointExporter); ok {
		return e.ExportCheckpoint(ctx, c)
	}
	return nil
}

// Shutdown shuts the exporter down and releases its resources.
func (o *owned) Shutdown(ctx context.Context) error {
	o.once.Do(func() {
		o.err = o.Exporter.Shutdown(ctx)
		if o.release != nil {
			o.err = errors.Join(o.err, o.release(ctx))
		}
	})
	return o.err
}
