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
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// checkName: the name is one that a ledger's cursor may have, and never changes.
func checkName(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		name := e.Name()
		if !record.ValidName(name) {
			return fmt.Errorf("the name %q does not match %s", name, record.NamePattern)
		}
		if err := mustExport(ctx, e, usual(0)); err != nil {
			return err
		}
		if now := e.Name(); now != name {
			return fmt.Errorf("the name was %q and is now %q", name, now)
		}
		return nil
	})
}

// checkOrder: batches of all sizes arrive in order, and before Export returns.
func checkOrder(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		var all []*record.Record
		for _, size := range []int{1, 2, 17, 512, 1} {
			batch := usuals(len(all), size)
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

// checkEmptyBatch: no records are no error, and nothing arrives.
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
		if err := mustExport(ctx, e, usual(0)); err != nil {
			return err
		}
		return f.holds(usual(0))
	})
}

// checkLargeBatch: a batch of large records, such as piles up while a sink is away,
// is taken, whatever the sink's own limit of a message.
func checkLargeBatch(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		batch := usuals(0, 100)
		for _, r := range batch {
			r.Reason = strings.Repeat("large ", 10<<10)
		}
		if err := mustExport(ctx, e, batch...); err != nil {
			return err
		}
		return f.holds(batch...)
	})
}

// checkOddValues: what the validator lets pass comes back as it was.
func checkOddValues(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		if err := mustExport(ctx, e, OddRecords()...); err != nil {
			return err
		}
		return f.holdsOnce(OddRecords()...)
	})
}

// checkEndedContext: Export returns when its context has ended or ends. Whether it
// took the records then or not, the exporter works on, and trying again delivers
// them.
func checkEndedContext(ctx context.Context, f fixture) error {
	for _, end := range []struct {
		name string
		make func() (context.Context, context.CancelFunc)
	}{
		{"cancelled before", func() (context.Context, context.CancelFunc) {
			ended, cancel := context.WithCancel(ctx)
			cancel()
			return ended, cancel
		}},
		{"past its deadline", func() (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Unix(1, 0))
		}},
		{"cancelled meanwhile", func() (context.Context, context.CancelFunc) {
			ending, cancel := context.WithCancel(ctx)
			go cancel()
			return ending, cancel
		}},
	} {
		err := f.with(ctx, func(e export.Exporter) error {
			ended, cancel := end.make()
			defer cancel()
			batch := usuals(0, 20)
			refusal, breach := callExport(ended, e, batch)
			switch {
			case breach != nil:
				return breach
			case export.IsPermanent(refusal):
				return fmt.Errorf("an ended context is no reason to give a record up for good: %w", refusal)
			case refusal != nil:
				if err := mustExport(ctx, e, batch...); err != nil {
					return fmt.Errorf("after that: %w", err)
				}
			}
			return f.holdsAtLeast(batch...)
		})
		if err != nil {
			return fmt.Errorf("a context that was %s: %w", end.name, err)
		}
	}
	return nil
}

// checkAgain: a record that the sink has already is delivered. What a caller tracks
// again has another observed time and trace, under the same ID.
func checkAgain(ctx context.Context, f fixture) error {
	return f.with(ctx, func(e export.Exporter) error {
		batch := usuals(0, 3)
		if err := errors.Join(mustExport(ctx, e, batch...), mustExport(ctx, e, batch[1:]...)); err != nil {
			return err
		}
		if err := f.holdsAtLeast(batch...); err != nil {
			return err
		}
		later := usual(1)
		later.ObservedTime = later.ObservedTime.Add(time.Second)
		later.TraceID[0]++
		if err := mustExport(ctx, e, later); err != nil {
			return fmt.Errorf("observed again later: %w", err)
		}
		return nil
	})
}

// checkSharedRecords: the exporter changes neither the records nor the slice, while
// others use the records, and keeps nothing of either.
func checkSharedRecords(ctx context.Context, f fixture) error {
	err := f.with(ctx, func(e export.Exporter) error {
		want := append(OddRecords(), usuals(0, 30)...)
		records := append(OddRecords(), usuals(0, 30)...)
		behind := usual(-1)
		given := append(slices.Clip(records), behind)[:len(records)]
		if err := mustExport(ctx, e, given...); err != nil {
			return err
		}
		if err := compare(want, records); err != nil {
			return err
		}
		if !slices.Equal(given, records) || given[:len(given)+1][len(given)] != behind {
			return errors.New("Export changed the slice")
		}
		for i, r := range records {
			clobber(r)
			given[i] = behind
		}
		if err := f.holdsOnce(want...); err != nil {
			return fmt.Errorf("after the records were changed: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.with(ctx, func(e export.Exporter) error { return exportWhileRead(ctx, e) })
}

// exportWhileRead exports records that are read at the same time, as by another
// exporter: the race detector sees more than a comparison.
func exportWhileRead(ctx context.Context, e export.Exporter) error {
	records := OddRecords()
	over, reader := make(chan struct{}), sync.WaitGroup{}
	var changed error
	reader.Go(func() {
		for want := OddRecords(); changed == nil; {
			select {
			case <-over:
				return
			default:
				changed = compare(want, records)
			}
		}
	})
	err := mustExport(ctx, e, records...)
	close(over)
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

// clobber overwrites all that r holds, in place.
func clobber(r *record.Record) {
	for _, kvs := range [][]attribute.KeyValue{r.Metadata, r.Overridden} {
		for i := range kvs {
			kvs[i] = attribute.String("clobbered", "clobbered")
		}
	}
	for _, texts := range [][]string{r.Redacted, r.Marked, r.Actor.Roles} {
		for i := range texts {
			texts[i] = "clobbered"
		}
	}
	for i := range r.Changes {
		r.Changes[i] = audit.Change{Field: "clobbered"}
	}
	if r.Actor.OnBehalfOf != nil {
		*r.Actor.OnBehalfOf = audit.User("clobbered")
	}
	*r = record.Record{Event: audit.Event{Action: "clobbered"}}
}

// checkShutdown: Shutdown returns, is no error where all is well, and loses nothing.
func checkShutdown(ctx context.Context, f fixture) error {
	if err := shutdown(ctx, f.open()); err != nil {
		return fmt.Errorf("of an exporter that was never used: %w", err)
	}
	if err := f.holds(); err != nil {
		return err
	}

	batch := usuals(0, 20)
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
	if err := shutdown(ended, e); errors.Is(err, errHung) { // another error is fine: there was no time
		return fmt.Errorf("with an ended context: %w", err)
	}
	if err := f.holds(batch...); err != nil {
		return fmt.Errorf("after Shutdown with an ended context: %w", err)
	}
	return nil
}
