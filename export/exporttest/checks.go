package exporttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// checkName: the name is valid and never changes.
func checkName(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		name := e.Name()
		if !record.ValidName(name) {
			return fmt.Errorf("the name %q does not match %s", name, record.NamePattern)
		}
		if err := mustExport(ctx, e, typical(0)); err != nil {
			return err
		}
		if now := e.Name(); now != name {
			return fmt.Errorf("the name changed from %q to %q", name, now)
		}
		return nil
	})
}

// checkOrder: batches of all sizes are in the sink, in order, when Export returns.
func checkOrder(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		var all []*record.Record
		for _, size := range []int{1, 2, 17, 512, 1} {
			batch := typicals(len(all), size)
			all = append(all, batch...)
			if err := mustExport(ctx, e, batch...); err != nil {
				return err
			}
			if err := f.holds(all...); err != nil {
				return fmt.Errorf("after a batch of %d: %w", size, err)
			}
		}
		return nil
	})
}

// checkEmptyBatch: an empty batch is not an error and adds nothing to the sink.
func checkEmptyBatch(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		for _, batch := range [][]*record.Record{nil, {}} {
			if err := mustExport(ctx, e, batch...); err != nil {
				return err
			}
		}
		if err := f.holds(); err != nil {
			return err
		}
		if err := mustExport(ctx, e, typical(0)); err != nil {
			return err
		}
		return f.holds(typical(0))
	})
}

// checkLargeBatch: a batch of large records, as after an outage of the sink, is accepted
// whatever the message limit of the sink.
func checkLargeBatch(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		batch := typicals(0, 100)
		for _, r := range batch {
			r.Reason = strings.Repeat("large ", 10<<10)
		}
		if err := mustExport(ctx, e, batch...); err != nil {
			return err
		}
		return f.holds(batch...)
	})
}

// checkOddValues: every valid record is stored without loss.
func checkOddValues(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		if err := mustExport(ctx, e, OddRecords()...); err != nil {
			return err
		}
		return f.holdsOnce(OddRecords()...)
	})
}

// checkEndedContext: Export returns if its context has ended or ends during the call.
// The exporter stays usable, and if Export failed, a retry delivers the records.
func checkEndedContext(ctx context.Context, f fixture) error {
	for _, end := range []struct {
		name string
		make func() (context.Context, context.CancelFunc)
	}{
		{"canceled before", func() (context.Context, context.CancelFunc) {
			ended, cancel := context.WithCancel(ctx)
			cancel()
			return ended, cancel
		}},
		{"past its deadline", func() (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Unix(1, 0))
		}},
		{"canceled during the call", func() (context.Context, context.CancelFunc) {
			ending, cancel := context.WithCancel(ctx)
			go cancel()
			return ending, cancel
		}},
	} {
		err := f.with(ctx, func(e export.Exporter) error {
			ended, cancel := end.make()
			defer cancel()
			batch := typicals(0, 20)
			exportErr, violation := callExport(ended, e, batch)
			switch {
			case violation != nil:
				return violation
			case export.IsPermanent(exportErr):
				return fmt.Errorf("the end of a context must not be a permanent error: %w", exportErr)
			case exportErr != nil:
				if err := mustExport(ctx, e, batch...); err != nil {
					return fmt.Errorf("retry: %w", err)
				}
			}
			return f.holdsAtLeast(batch...)
		})
		if err != nil {
			return fmt.Errorf("context %s: %w", end.name, err)
		}
	}
	return nil
}

// checkRepeatedExport: exporting a record that the sink already has is not an error. A
// record tracked again has the same ID but another observed time and trace.
func checkRepeatedExport(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		batch := typicals(0, 3)
		if err := errors.Join(mustExport(ctx, e, batch...), mustExport(ctx, e, batch[1:]...)); err != nil {
			return err
		}
		if err := f.holdsAtLeast(batch...); err != nil {
			return err
		}
		later := typical(1)
		later.ObservedTime = later.ObservedTime.Add(time.Second)
		later.TraceID[0]++
		if err := mustExport(ctx, e, later); err != nil {
			return fmt.Errorf("with a later observed time: %w", err)
		}
		return nil
	})
}

// checkPlaces: the sink returns the same records with places and without, and a record that was
// stored without a place is the same one with it.
func checkPlaces(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		batch := typicals(0, 5)
		placed := export.WithPlaces(ctx, "2f1c8a6e0b7d4e5f9a3b1c2d4e6f8091", batch, []uint64{3, 4, 5, 6, 1<<63 - 1})
		if err := errors.Join(mustExport(ctx, e, batch[:2]...), mustExport(placed, e, batch[2:]...)); err != nil {
			return err
		}
		if err := f.holds(batch...); err != nil {
			return err
		}
		return errors.Join(mustExport(placed, e, batch...), mustExport(ctx, e, batch...))
	})
}

// checkSharedRecords: Export does not modify or retain the records or the slice, which
// others use at the same time.
func checkSharedRecords(ctx context.Context, f fixture) error {
	err := f.with(ctx, func(e export.Exporter) error {
		want := append(OddRecords(), typicals(0, 30)...)
		records := append(OddRecords(), typicals(0, 30)...)
		next := typical(-1)
		given := append(slices.Clip(records), next)[:len(records)]
		if err := mustExport(ctx, e, given...); err != nil {
			return err
		}
		if err := compare(want, records); err != nil {
			return err
		}
		if !slices.Equal(given, records) || given[:len(given)+1][len(given)] != next {
			return errors.New("Export changed the slice")
		}
		for i, r := range records {
			clobber(r)
			given[i] = next
		}
		if err := f.holdsOnce(want...); err != nil {
			return fmt.Errorf("after the records were overwritten: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.with(ctx, func(e export.Exporter) error { return exportWhileRead(ctx, e) })
}

// exportWhileRead exports records while another goroutine reads them, as another exporter
// would. The race detector finds writes that a comparison misses.
func exportWhileRead(ctx context.Context, e export.Exporter) error {
	records := OddRecords()
	done, reader := make(chan struct{}), sync.WaitGroup{}
	var changed error
	reader.Go(func() {
		for want := OddRecords(); changed == nil; {
			select {
			case <-done:
				return
			default:
				changed = compare(want, records)
			}
		}
	})
	err := mustExport(ctx, e, records...)
	close(done)
	reader.Wait()
	return errors.Join(err, changed)
}

func compare(want, got []*record.Record) error {
	for i := range want {
		if err := Equal(want[i], got[i]); err != nil {
			return fmt.Errorf("Export changed the record %s: %w", want[i].Action, err)
		}
	}
	return nil
}

// clobber overwrites everything that r references, in place.
func clobber(r *record.Record) {
	for _, kvs := range [][]attribute.KeyValue{r.Metadata, r.Overridden} {
		for i := range kvs {
			kvs[i] = attribute.String("clobbered", "clobbered")
		}
	}
	for _, texts := range [][]string{r.Redacted, r.Actor.Roles} {
		for i := range texts {
			texts[i] = "clobbered"
		}
	}
	for i := range r.Marks {
		r.Marks[i] = mark.Mark{Path: "clobbered", Kind: "clobbered"}
	}
	for i := range r.Covers {
		r.Covers[i].Type = "clobbered"
	}
	for i := range r.Changes {
		r.Changes[i] = audit.Change{Field: "clobbered"}
	}
	if r.Actor.OnBehalfOf != nil {
		*r.Actor.OnBehalfOf = audit.User("clobbered")
	}
	*r = record.Record{Event: audit.Event{Action: "clobbered"}}
}

// checkShutdown: Shutdown returns nil, even for an unused exporter, and loses no records.
// It returns in time if its context has ended.
func checkShutdown(ctx context.Context, f fixture) error {
	if err := shutdown(ctx, f.open()); err != nil {
		return fmt.Errorf("unused exporter: %w", err)
	}
	if err := f.holds(); err != nil {
		return err
	}

	batch := typicals(0, 20)
	if err := f.with(ctx, func(e export.Exporter) error { return mustExport(ctx, e, batch...) }); err != nil {
		return err
	}
	if err := f.holds(batch...); err != nil {
		return fmt.Errorf("after Shutdown: %w", err)
	}

	ended, cancel := context.WithCancel(ctx)
	cancel()
	e := f.open()
	if err := mustExport(ctx, e, batch...); err != nil {
		return err
	}
	if err := shutdown(ended, e); errors.Is(err, errHung) { // other errors are allowed
		return fmt.Errorf("with an ended context: %w", err)
	}
	if err := f.holds(batch...); err != nil {
		return fmt.Errorf("after Shutdown with an ended context: %w", err)
	}
	return nil
}
