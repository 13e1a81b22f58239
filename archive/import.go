package archive

import (
	"bytes"
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
	i := &ledgerImport{ledger: l, existing: existing}
	for e, err := range a.Entries(ctx) {
		if err != nil {
			if !isCorrupt(err) {
				return i.done, errors.Join(append(i.damage, err)...)
			}
			i.damage = append(i.damage, err)
			continue
		}
		i.add(e)
		if len(i.pending) == maxLookup || i.size >= maxBatchBytes {
			if err := i.flush(ctx); err != nil {
				return i.done, errors.Join(append(i.damage, err)...)
			}
		}
	}
	return i.done, errors.Join(append(i.damage, i.flush(ctx))...)
}

// ledgerImport is the state of an ImportLedger.
type ledgerImport struct {
	ledger   *ledger.Ledger
	existing query.Reader
	done     Imported
	damage   []error
	pending  []pending
	size     int
}

// pending is an entry that may be appended.
type pending struct {
	record  *record.Record
	data    []byte
	present bool
}

// add adds an entry to those that are pending.
func (i *ledgerImport) add(e Entry) {
	r, err := e.Record()
	if err != nil {
		i.done.Invalid++
		return
	}
	i.pending = append(i.pending, pending{record: r, data: bytes.Clone(e.Data)})
	i.size += len(e.Data)
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
	var batch [][]byte
	size := 0
	for _, p := range i.pending {
		if p.present {
			i.done.Present++
			continue
		}
		if len(batch) > 0 && size+len(p.data) > limit {
			if err := i.append(ctx, batch); err != nil {
				return err
			}
			batch, size = nil, 0
		}
		batch, size = append(batch, p.data), size+len(p.data)
	}
	i.pending, i.size = nil, 0
	return i.append(ctx, batch)
}

func (i *ledgerImport) append(ctx context.Context, batch [][]byte) error {
	if len(batch) == 0 {
		return nil
	}
	_, err := i.ledger.Append(ctx, batch...)
	if err == nil {
		i.done.Records += int64(len(batch))
	}
	return err
}

// lookUp marks the pending entries that the ledger has.
func (i *ledgerImport) lookUp(ctx context.Context) error {
	var times summary
	ids := map[audit.ID][]int{}
	for at, p := range i.pending {
		times.addTimes(p.record.Time, p.record.Time)
		ids[p.record.ID] = append(ids[p.record.ID], at)
	}
	f := query.Filter{Since: times.oldest, Until: times.newest.Add(time.Nanosecond), Ascending: true}
	for r, err := range i.existing.Find(ctx, f) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil {
			i.damage = append(i.damage, err)
			continue
		}
		for _, at := range ids[r.ID] {
			if p := &i.pending[at]; !p.present && r.IsRetryOf(p.record) {
				p.present = true
			}
		}
	}
	return nil
}
