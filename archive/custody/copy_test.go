package custody_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive/custody"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
)

// memory is a copy in memory.
type memory []custody.Document

func (m memory) all() iter.Seq2[custody.Document, error] {
	return func(yield func(custody.Document, error) bool) {
		for _, d := range m {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// Find implements query.Reader for IDs.
func (m memory) Find(_ context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		asked := map[audit.ID]bool{}
		for _, id := range f.IDs {
			asked[id] = true
		}
		for _, d := range m {
			if d.Record != nil && asked[d.ID] && !yield(d.Record, nil) {
				return
			}
		}
	}
}

// copyOf returns a copy of the ledger, in any order.
func (f *trail) copyOf(filter func(*record.Record) bool) memory {
	f.t.Helper()
	var m memory
	log := f.log()
	for e, err := range f.reader().Entries(f.t.Context(), 0) {
		require.NoError(f.t, err)
		r := new(record.Record)
		require.NoError(f.t, r.UnmarshalJSON(e.Data))
		if filter == nil || filter(r) {
			m = append(m, custody.Document{ID: r.ID, Place: export.Place{Log: log, Seq: e.Seq}, Record: r})
		}
	}
	rand.Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] })
	return m
}

func (f *trail) log() string {
	f.t.Helper()
	id, err := f.reader().ID()
	require.NoError(f.t, err)
	return hex.EncodeToString(id[:])
}

func (f *trail) verifyCopy(m memory, change ...func(*custody.CopyOptions)) *custody.CopyReport {
	f.t.Helper()
	leaves, err := seal.OpenLeaves(seal.OpenDir(filepath.Join(f.dir, seal.DirName)), nil, f.key.Verifier())
	require.NoError(f.t, err)
	o := custody.CopyOptions{Leaves: leaves, Log: f.log(), Ledger: f.reader(), Delivered: 1 << 62}
	for _, c := range change {
		c(&o)
	}
	report, err := custody.VerifyCopy(f.t.Context(), m.all(), m, o)
	require.NoError(f.t, err)
	return report
}

// elsewhere verifies with the checkpoint and the tiles alone.
func elsewhere(o *custody.CopyOptions) { o.Ledger = nil }

func logins(o *custody.CopyOptions) { o.Filter = &query.Filter{Actions: []string{"user.login"}} }

func isLogin(r *record.Record) bool { return r.Action == "user.login" }

func kinds(r *custody.CopyReport) []seal.Kind {
	found := []seal.Kind{}
	for _, finding := range r.Findings {
		found = append(found, finding.Kind)
	}
	return found
}

// TestCopy makes each fault in a copy by hand, with the ledger at hand and without it, with a
// filter and without one.
func TestCopy(t *testing.T) {
	t.Parallel()
	const records = 60
	f := newTrail(t)
	f.add(records)
	f.close()
	edited := func(d custody.Document, change func(*custody.Document)) custody.Document {
		d.Record = d.Record.Clone()
		change(&d)
		return d
	}
	type faults []struct {
		name string
		do   func(m memory, at int) memory
		want []seal.Kind // with the ledger
		// apart is what the tiles alone show, if it is something else.
		apart []seal.Kind
	}
	all := faults{
		{name: "none", do: func(m memory, _ int) memory { return m }},
		{name: "missing", do: func(m memory, at int) memory { return slices.Delete(m, at, at+1) }, want: []seal.Kind{seal.Missing}},
		{name: "changed", do: func(m memory, at int) memory {
			m[at] = edited(m[at], func(d *custody.Document) { d.Record.Actor = audit.User("mallory") })
			return m
		}, want: []seal.Kind{seal.Changed}},
		{name: "changed, without its place", do: func(m memory, at int) memory {
			m[at] = edited(m[at], func(d *custody.Document) {
				d.Record.Actor, d.Place = audit.User("mallory"), export.Place{}
			})
			return m
		}, want: []seal.Kind{seal.Changed}, apart: []seal.Kind{seal.Missing, seal.PutIn}},
		{name: "changed to what is no record", do: func(m memory, at int) memory {
			m[at].Record, m[at].Reason = nil, "it has no action"
			return m
		}, want: []seal.Kind{seal.Changed}},
		{name: "doubled", do: func(m memory, at int) memory {
			return append(m, edited(m[at], func(d *custody.Document) {
				d.ID = audit.NewID()
				d.Record.ID = d.ID
			}))
		}, want: []seal.Kind{custody.Doubled}, apart: []seal.Kind{seal.PutIn}},
		{name: "doubled under the same ID", do: func(m memory, at int) memory { return append(m, m[at]) }, want: []seal.Kind{custody.Doubled}},
		{name: "put in", do: func(m memory, at int) memory {
			return append(m, edited(m[at], func(d *custody.Document) {
				d.ID = audit.NewID()
				d.Record.ID, d.Record.Actor = d.ID, audit.User("mallory")
			}))
		}, want: []seal.Kind{seal.PutIn}},
		{name: "put in without a place", do: func(m memory, at int) memory {
			return append(m, edited(m[at], func(d *custody.Document) {
				d.ID, d.Place = audit.NewID(), export.Place{}
				d.Record.ID = d.ID
			}))
		}, want: []seal.Kind{seal.PutIn}},
		{name: "put in with a later place", do: func(m memory, at int) memory {
			return append(m, edited(m[at], func(d *custody.Document) {
				d.ID, d.Place.Seq = audit.NewID(), 1000
				d.Record.ID = d.ID
			}))
		}, want: []seal.Kind{seal.PutIn}, apart: []seal.Kind{}},
		{name: "without places", do: func(m memory, _ int) memory {
			for i := range m {
				m[i].Place = export.Place{}
			}
			return m
		}},
		{name: "moved to another ledger", do: func(m memory, at int) memory {
			m[at].Place.Log = "2f1c8a6e0b7d4e5f9a3b1c2d4e6f8091"
			return m
		}, want: []seal.Kind{seal.Changed}, apart: []seal.Kind{seal.Missing}},
	}
	for at := 0; at < records; at += copyStep() {
		for _, fault := range all {
			name := fmt.Sprintf("%s, at %d", fault.name, at)
			apart := fault.apart
			if apart == nil {
				apart = fault.want
			}
			m := fault.do(f.copyOf(nil), at)
			require.ElementsMatch(t, fault.want, kinds(f.verifyCopy(m)), name)
			require.ElementsMatch(t, apart, kinds(f.verifyCopy(m, elsewhere)), name)

			m = f.copyOf(isLogin)
			m = fault.do(m, at%len(m))
			require.ElementsMatch(t, fault.want, kinds(f.verifyCopy(m, logins)), name)
			// Without the ledger, nobody knows whether what is missing is a login.
			apart = slices.DeleteFunc(slices.Clone(apart), func(k seal.Kind) bool { return k == seal.Missing })
			report := f.verifyCopy(m, logins, elsewhere)
			require.ElementsMatch(t, apart, kinds(report), name)
			require.Positive(t, report.Unknown)
		}
	}
}

// copyStep is how far apart the positions are at which TestCopy edits the copy. With
// OPENDEED_ADVERSARY_STEP=1 it edits every record.
func copyStep() int {
	if step, err := strconv.Atoi(os.Getenv("OPENDEED_ADVERSARY_STEP")); err == nil && step > 0 {
		return step
	}
	return 13
}

// TestCopyOfATrailThatGoesOn compares a copy with entries after the checkpoint, some of which the
// exporter does not have yet, and with entries that retention has removed.
func TestCopyOfATrailThatGoesOn(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(30)
	f.reopen()
	complete := f.copyOf(nil)
	require.NotEmpty(t, f.apply(20, nil).Removed)
	f.close()
	leaves := func(o *custody.CopyOptions) { o.Delivered = 30 }
	report := f.verifyCopy(complete, leaves)
	require.Empty(t, report.Findings)
	require.EqualValues(t, 30, report.Genuine)
	require.Positive(t, report.Waiting)

	first, err := f.reader().First()
	require.NoError(t, err)
	require.Greater(t, first, uint64(1))
	report = f.verifyCopy(f.copyOf(nil))
	require.Len(t, report.Findings, int(first-1), "they were in the copy once")

	report = f.verifyCopy(f.copyOf(nil), logins)
	require.EqualValues(t, first-1, report.Unknown)
	require.Empty(t, report.Findings)
}

// appendUnsealed appends records to the ledger, which is closed, without its seal.
func (f *trail) appendUnsealed(records ...*record.Record) {
	f.t.Helper()
	l, err := ledger.Open(f.dir, ledger.WithScrub(0))
	require.NoError(f.t, err)
	for some := range slices.Chunk(records, 1000) {
		var entries [][]byte
		for _, r := range some {
			b, err := r.AppendJSON(nil)
			require.NoError(f.t, err)
			entries = append(entries, b)
		}
		_, err = l.Append(f.t.Context(), entries...)
		require.NoError(f.t, err)
	}
	require.NoError(f.t, l.Close())
}

// TestCopyAboveTheCheckpoint compares entries that no checkpoint covers with the ledger, of which
// one is that of an event that was tracked twice.
func TestCopyAboveTheCheckpoint(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(10)
	f.close()
	first := f.copyOf(nil)[0]
	again := first.Record.Clone()
	again.ObservedTime = again.ObservedTime.Add(time.Second)
	again.Time = again.ObservedTime
	other := again.Clone()
	other.ID = audit.NewID()
	f.appendUnsealed(again, other)
	var m memory
	for _, d := range f.copyOf(nil) {
		if d.Place.Seq != 11 { // the server had a record with this ID
			m = append(m, d)
		}
	}
	report := f.verifyCopy(m)
	require.Empty(t, report.Findings)
	require.EqualValues(t, 10, report.Genuine)
	require.EqualValues(t, 10, report.Proved)
	require.EqualValues(t, 1, report.Unproved)
	require.EqualValues(t, 1, report.Repeated)

	at := slices.IndexFunc(m, func(d custody.Document) bool { return d.Place.Seq == 12 })
	m[at].Record = m[at].Record.Clone()
	m[at].Record.Reason = "another one"
	report = f.verifyCopy(m)
	require.Equal(t, []custody.CopyFinding{{Kind: seal.Changed, Entry: 12, ID: m[at].ID}}, report.Findings)
	require.Zero(t, report.Unproved)
	m = slices.Delete(m, at, at+1)
	report = f.verifyCopy(m, func(o *custody.CopyOptions) { o.DeadLetters = map[uint64]bool{12: true} })
	require.Len(t, report.Findings, 1)
	require.Equal(t, seal.Missing, report.Findings[0].Kind)
	require.Contains(t, report.Findings[0].String(), "dead letter")
}

// TestCopyOfOneRecordTwice has the same bytes twice in the ledger, as a copy has them once.
func TestCopyOfOneRecordTwice(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(5)
	f.close()
	first := f.copyOf(nil)[0]
	f.appendUnsealed(first.Record)
	f.open() // which seals it
	f.close()
	m := slices.DeleteFunc(f.copyOf(nil), func(d custody.Document) bool { return d.Place.Seq == 6 })
	report := f.verifyCopy(m)
	require.Empty(t, report.Findings)
	require.EqualValues(t, 1, report.Repeated)
	require.Equal(t, int64(len(m)), report.Genuine)

	at := slices.IndexFunc(m, func(d custody.Document) bool { return d.ID == first.ID })
	for _, place := range []export.Place{{Log: m[at].Place.Log, Seq: 1 << 40}, {Log: strings.Repeat("0", 32), Seq: 1}} {
		m[at].Place = place
		report = f.verifyCopy(m)
		require.Len(t, report.Findings, 2, "its place was changed")
		require.Equal(t, []seal.Kind{seal.Changed, seal.Changed}, kinds(report))
	}
}

// TestCopyOfManyRecordsTwice has more records twice in the ledger than are looked for at once.
func TestCopyOfManyRecordsTwice(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(1)
	f.close()
	one := f.copyOf(nil)[0].Record
	one.Metadata = nil // which is long
	var records []*record.Record
	for range 10_100 {
		r := one.Clone()
		r.ID = audit.NewID()
		records = append(records, r)
	}
	f.appendUnsealed(records...)
	f.appendUnsealed(records...)
	f.open() // which seals them
	f.close()
	m := slices.DeleteFunc(f.copyOf(nil), func(d custody.Document) bool { return d.Place.Seq > 1+uint64(len(records)) })
	report := f.verifyCopy(m)
	require.Empty(t, report.Findings)
	require.EqualValues(t, len(records), report.Repeated)
}

// failing is a copy that cannot be asked for some records.
type failing struct{ memory }

var errServer = errors.New("the server is gone")

func (failing) Find(context.Context, query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) { yield(nil, errServer) }
}

// TestCopyThatCannotBeRead takes nothing for missing that could not be read.
func TestCopyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(5)
	f.close()
	leaves, err := seal.OpenLeaves(seal.OpenDir(filepath.Join(f.dir, seal.DirName)), nil, f.key.Verifier())
	require.NoError(t, err)
	m := f.copyOf(nil)[1:]
	_, err = custody.VerifyCopy(t.Context(), m.all(), failing{m}, custody.CopyOptions{Leaves: leaves, Log: f.log(), Ledger: f.reader(), Delivered: 1 << 62})
	require.ErrorIs(t, err, errServer)
}
