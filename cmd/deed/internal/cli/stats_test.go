package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// countedLedger makes a ledger of several segments, with records half an hour apart around the
// given times.
func countedLedger(t *testing.T, actors int, around ...time.Time) *ledgerquery.Reader {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit-ledger")
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithDenseFrames(), ledger.WithScrub(0))
	require.NoError(t, err)
	var batch [][]byte
	for _, middle := range around {
		for i := range 200 {
			at := middle.Add(time.Duration(i-100)*30*time.Minute + time.Duration(i)*time.Second)
			r := record.Record{ObservedTime: at}
			r.ID, r.Time, r.Action, r.Outcome, r.Tenant = audit.NewID(), at, "invoice.update", audit.Outcome(1+i%2), []string{"", "acme"}[i%2]
			r.Actor, r.Target, r.Reason = audit.User(strconv.Itoa(i%actors)), audit.Target{Type: "invoice", ID: "1"}, strings.Repeat("because ", 100)
			if i%7 == 0 {
				r.Actor = audit.Actor{Type: audit.ActorAnonymous}
			}
			b, err := r.AppendJSON(nil)
			require.NoError(t, err)
			batch = append(batch, b)
			if len(batch) == 20 {
				_, err = l.Append(context.Background(), batch...)
				require.NoError(t, err)
				batch = nil
			}
		}
	}
	require.NoError(t, l.Close())
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	return reader
}

// TestCountByIndex compares what an index counts with what reading counts, in zones in which the
// clock is changed at midnight, by an hour and by half an hour.
func TestCountByIndex(t *testing.T) {
	zones := map[string]time.Time{ // and when it is changed
		"UTC": time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), "Europe/Berlin": time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC),
		"America/Sao_Paulo": time.Date(2018, 11, 4, 3, 0, 0, 0, time.UTC), "Australia/Lord_Howe": time.Date(2026, 10, 3, 15, 30, 0, 0, time.UTC),
		"Asia/Kolkata": time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	}
	var around []time.Time
	for _, at := range zones {
		around = append(around, at)
	}
	reader := countedLedger(t, 5, around...)
	c := &statsCommand{app: &app{stderr: io.Discard}}
	byIndex := 0
	for name, at := range zones {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		for _, filter := range []query.Filter{{}, {Since: at.Add(-20*time.Hour + time.Minute), Until: at.Add(20 * time.Hour)}, {Actions: []string{"invoice.*"}, Tenants: []string{"acme"}}} {
			for _, by := range []string{"actor", "hour", "day", "actor,action,outcome,hour", "tenant,target_type,channel"} {
				fields := strings.Split(by, ",")
				what := fmt.Sprint(name, " ", by, " ", filter)
				total, counts, err := c.countByReading(t.Context(), reader, filter, fields, zone)
				require.NoError(t, err)
				indexed, values, ok := countByIndex(t.Context(), reader, filter, fields, zone)
				if !ok {
					assert.Contains(t, by, "hour", what)
					continue
				}
				byIndex++
				assert.Equal(t, total, indexed, what)
				assert.Equal(t, counts, values, what)
			}
		}
	}
	assert.Greater(t, byIndex, len(zones)*3*3, "only hours in which a clock is changed are read")
}

// TestCountManyActors reads where the index does not have all actors.
func TestCountManyActors(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	reader := manyActors{}
	_, _, ok := countByIndex(t.Context(), reader, query.Filter{}, []string{"actor"}, time.UTC)
	assert.False(t, ok, "at least is not exact")
	_, ok = exactCounts(&query.FacetCounts{By: query.ByAction, Others: 1})
	assert.False(t, ok)
	counts, ok := exactCounts(&query.FacetCounts{By: query.ByHour, Values: []query.FacetValue{{Start: at, Records: 2}, {Start: at.Add(24 * time.Hour), Records: 3}}})
	assert.True(t, ok)
	assert.Equal(t, map[string]int64{"12:00": 5}, counts)
}

// manyActors counts an actor that may have more records.
type manyActors struct{ query.Reader }

func (manyActors) CountRecords(context.Context, query.Filter, query.Facets) (*query.Counts, error) {
	return &query.Counts{Records: 9, Facets: []query.FacetCounts{{Values: []query.FacetValue{{Actor: audit.User("alice"), Records: 5, AtLeast: true}}}}}, nil
}
