package crash

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
)

// The archives that are imported, and the records that each has. Neighbors share a tenth of them.
const (
	importArchives = 4
	importRecords  = 3000
	importShared   = importRecords / 10
)

// importedRecord returns the n-th record.
func importedRecord(n int) *record.Record {
	r := &record.Record{ObservedTime: time.Date(2020, 1, 1, 0, 0, n/3, 0, time.UTC)} // some have the same time
	r.ID = audit.ID{0: 1, 6: 0x70, 8: 0x80}
	binary.BigEndian.PutUint32(r.ID[12:], uint32(n))
	r.Time, r.Action, r.Actor, r.Outcome = r.ObservedTime, "doc.edit", audit.User("42"), audit.OutcomeSuccess
	r.Reason = strings.Repeat("x", n%900)
	return r
}

// makeImported makes the archives.
func makeImported(t *testing.T, dir string) {
	t.Helper()
	store, err := archive.CreateDir(dir)
	require.NoError(t, err)
	for i := range importArchives {
		first := i * (importRecords - importShared)
		meta := archive.Meta{Log: "shop", Class: fmt.Sprint("c", i), First: 1, Last: importRecords}
		_, err := archive.Create(t.Context(), store, meta, func(yield func(archive.Entry, error) bool) {
			for n := range importRecords {
				data, err := importedRecord(first + n).AppendJSON(nil)
				if !yield(archive.Entry{Seq: uint64(n + 1), Data: data}, err) {
					return
				}
			}
		})
		require.NoError(t, err)
	}
	require.NoError(t, store.Close())
}

// importAll imports all archives into the ledger, as deed archive import does.
func importAll(c *child) (err error) {
	c.report(opening)
	l, err := ledger.Open(c.dir, ledger.WithSegmentSize(256<<10), ledger.WithScrub(0))
	if err != nil {
		return err
	}
	store, err := archive.OpenDir(archivesBeside(c.dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(), store.Close()) }()
	existing, err := ledgerquery.NewReader(c.dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	for o, err := range store.List(ctx, "") {
		if err != nil {
			return err
		}
		a, err := archive.Open(ctx, store, o.Name)
		if err != nil {
			return err
		}
		done, err := archive.ImportLedger(ctx, a, l, existing)
		if err != nil {
			return err
		}
		c.report("imported %d %d", done.Records, done.Present)
	}
	c.report(closing)
	return nil
}

// TestKilledImport checks that an import that is killed anywhere, and run again, leaves each record
// in the ledger once, byte for byte.
func TestKilledImport(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "import")
	makeImported(t, archivesBeside(h.dir))
	interrupted := 0
	for start := time.Now(); time.Since(start) < crashTime(t); {
		partial := newHarness(t, "import") // a new ledger each time, since the import ends
		require.NoError(t, os.CopyFS(archivesBeside(partial.dir), os.DirFS(archivesBeside(h.dir))))
		for archives := range importArchives {
			partial.killAfter(t, archives)
		}
		imported, present := 0, 0
		partial.finish(t, func(words []string) {
			var records, before int
			_, err := fmt.Sscan(words[1]+" "+words[2], &records, &before)
			require.NoError(t, err)
			imported, present = imported+records, present+before
		})
		require.Equal(t, importArchives*importRecords, imported+present)
		if imported > 0 && present > (importArchives-1)*importShared {
			interrupted++
		}
		h.runs += partial.runs
		checkImported(t, partial.dir)
	}
	t.Logf("%d runs, %d imports continued after a kill", h.runs, interrupted)
}

// killAfter runs a process, and kills it a moment after it has imported so many archives.
func (h *harness) killAfter(t *testing.T, archives int) {
	t.Helper()
	moment := time.Duration(h.rng.Int64N(int64(30 * time.Millisecond)))
	reached := make(chan struct{})
	lines := 0
	h.process(t, func([]string) { // the first line is opening
		if lines++; lines == archives+1 {
			close(reached)
		}
	}, func(p *os.Process, ended <-chan struct{}) {
		select {
		case <-reached:
		case <-ended:
		}
		time.Sleep(moment)
		require.NoError(t, p.Kill())
	}, "")
}

// checkImported checks the ledger.
func checkImported(t *testing.T, dir string) {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	found := map[string]bool{}
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		require.False(t, found[string(e.Data)], "entry %d is doubled", e.Seq)
		found[string(e.Data)] = true
	}
	all := importArchives*importRecords - (importArchives-1)*importShared
	require.Len(t, found, all)
	for n := range all {
		data, err := importedRecord(n).AppendJSON(nil)
		require.NoError(t, err)
		require.True(t, found[string(data)], "record %d is lost, or altered", n)
	}
}
