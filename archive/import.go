package archive

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// Imported says what an import did.
type Imported struct {
	// Records is the number of records that were stored, or that an Exporter accepted.
	Records int64
	// Present is the number of records that the ledger had already.
	Present int64
	// Invalid is the number of entries that hold no valid record. They are not imported.
	Invalid int64
}

// The sizes of a batch of records, in entries and in bytes.
const (
	maxBatch      = 500
	maxBatchBytes = 2 << 20
	// maxAppend is the size of the entries that a ledger gets at once.
	maxAppend = 1 << 20
	// maxLookup is how many entries of an archive are looked up in a ledger at once.
	maxLookup = 8192
)

// Import exports the records of an archive, in order and in batches. Exporters accept a record
// again that they have stored, so an import that failed can be repeated. Import does not shut
// the exporter down.
//
// What is damaged is skipped: the error joins a *CorruptError for each such part. Any other
// error ends the import.
func Import(ctx context.Context, a *Archive, e export.Exporter) (Imported, error) {
	var done Imported
	var damage []error
	var batch []*record.Record
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := e.Export(ctx, batch); err != nil {
			return err
		}
		done.Records += int64(len(batch))
		batch, size = nil, 0
		return nil
	}
	for entry, err := range a.Entries(ctx) {
		if err != nil {
			if !isCorrupt(err) {
				return done, errors.Join(append(damage, err)...)
			}
			damage = append(damage, err)
			continue
		}
		r, err := entry.Record()
		if err != nil {
			done.Invalid++
			continue
		}
		batch, size = append(batch, r), size+len(entry.Data)
		if len(batch) == maxBatch || size >= maxBatchBytes {
			if err := flush(); err != nil {
				return done, errors.Join(append(damage, err)...)
			}
		}
	}
	return done, errors.Join(append(damage, flush())...)
}

// ImportLedger appends the entries of an archive to a ledger, in order and byte by byte. Their
// new places are at its end. existing must be a Reader of that ledger: entries whose records
// it returns are not appended, so an import that failed can be repeated. Nobody else should
// import into the ledger at the same time.
//
// What is damaged is skipped: the error joins a *CorruptError for each such part, and what
// existing reports. Any other error ends the import.
func ImportLedger(ctx context.Context, a *Archive, l *ledger.Ledger, existing query.Reader) (Imported, error) {
	i := &ledgerImport{ledger: l, existing: existing, newest: map[audit.ID]int{}}
	for e, err := range a.Entries(ctx) {
		if err != nil {
			if !isCorrupt(err) {
				return i.done, errors.Join(append(i.damage, err)...)
			}
			i.damage = append(i.damage, err)
			continue
		}
		i.add(e)
		if i.isFull() {
			if err := i.flush(ctx); err != nil {
				return i.done, errors.Join(append(i.damage, err)...)
			}
		}
	}
	return i.done, errors.Join(append(i.damage, i.flush(ctx))...)
}

// ledgerImport is the state of an ImportLedger. Its memory is used again for the next entries.
type ledgerImport struct {
	ledger   *ledger.Ledger
	existing query.Reader
	done     Imported
	damage   []error
	pending  []pending
	data     []byte           // of the pending entries
	times    summary          // of their records
	newest   map[audit.ID]int // the last pending entry of each ID
	batch    [][]byte
}

// pending is an entry that may be appended.
type pending struct {
	from, to int  // its place in data
	previous int  // the pending entry before it with the same ID, or -1
	present  bool // the ledger has it
}

// add adds an entry to those that are pending.
func (i *ledgerImport) add(e Entry) {
	r, err := e.Record()
	if err != nil {
		i.done.Invalid++
		return
	}
	p := pending{from: len(i.data), to: len(i.data) + len(e.Data), previous: -1}
	if at, ok := i.newest[r.ID]; ok {
		p.previous = at
	}
	i.newest[r.ID] = len(i.pending)
	i.times.addTimes(r.Time, r.Time)
	i.pending, i.data = append(i.pending, p), append(i.data, e.Data...)
}

// isFull reports whether the pending entries must be appended before the next one is added.
func (i *ledgerImport) isFull() bool {
	return len(i.pending) == maxLookup || len(i.data) >= maxBatchBytes
}

// flush appends the pending entries that the ledger does not have.
func (i *ledgerImport) flush(ctx context.Context) error {
	if len(i.pending) == 0 {
		return nil
	}
	if err := i.lookUp(ctx); err != nil {
		return err
	}
	limit := min(int(i.ledger.Limits().Segment)/2, maxAppend)
	size := 0
	for _, p := range i.pending {
		if p.present {
			i.done.Present++
			continue
		}
		if len(i.batch) > 0 && size+p.to-p.from > limit {
			if err := i.append(ctx); err != nil {
				return err
			}
			size = 0
		}
		i.batch, size = append(i.batch, i.data[p.from:p.to]), size+p.to-p.from
	}
	if err := i.append(ctx); err != nil {
		return err
	}
	i.reset()
	return nil
}

// reset forgets the pending entries. Memory that large entries needed is released.
func (i *ledgerImport) reset() {
	if i.pending, i.data = i.pending[:0], i.data[:0]; cap(i.data) > 2*maxBatchBytes {
		i.data = nil
	}
	i.times = summary{}
	clear(i.newest)
}

// append appends the batch, which the ledger copies.
func (i *ledgerImport) append(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	_, err := i.ledger.Append(ctx, i.batch...)
	if err == nil {
		i.done.Records += int64(len(i.batch))
	}
	i.batch = i.batch[:0]
	return err
}

// lookUp marks the pending entries that the ledger has.
func (i *ledgerImport) lookUp(ctx context.Context) error {
	f := query.Filter{Since: i.times.oldest, Until: i.times.newest.Add(time.Nanosecond), Ascending: true}
	for r, err := range i.existing.Find(ctx, f) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil {
			i.damage = append(i.damage, err)
			continue
		}
		if err := i.mark(r); err != nil {
			return err
		}
	}
	return nil
}

// mark marks the pending entries that hold a record of the ledger. Few have its ID, so only those
// are decoded again.
func (i *ledgerImport) mark(r *record.Record) error {
	at, ok := i.newest[r.ID]
	if !ok {
		return nil
	}
	for ; at >= 0; at = i.pending[at].previous {
		p := &i.pending[at]
		if p.present {
			continue
		}
		stored, err := Entry{Data: i.data[p.from:p.to]}.Record()
		if err != nil {
			return err
		}
		p.present = r.IsRetryOf(stored)
	}
	return nil
}
