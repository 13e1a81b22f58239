package bench

import (
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

// counts are what the pages of the viewer count.
var counts = []struct {
	name   string
	filter func(sample *record.Record) query.Filter
	by     []query.Facet
}{
	{"all", func(*record.Record) query.Filter { return query.Filter{} }, timelineFacets},
	{"month", func(*record.Record) query.Filter {
		return query.Filter{Since: generatedSince.AddDate(0, 0, 60).Add(time.Minute)}
	}, timelineFacets},
	{"denied", func(*record.Record) query.Filter { return query.Filter{Outcomes: []audit.Outcome{audit.OutcomeDenied}} }, timelineFacets},
	{"actor", func(r *record.Record) query.Filter {
		return query.Filter{Actors: []audit.Actor{audit.User(r.Actor.ID)}}
	}, actorFacets},
	{"busiest", func(*record.Record) query.Filter { return query.Filter{Actors: []audit.Actor{audit.User("user-0")}} }, actorFacets},
}

var (
	timelineFacets = []query.Facet{query.ByActor, query.ByAction, query.ByOutcome, query.ByChannel, query.ByTenant, query.ByDay}
	actorFacets    = []query.Facet{query.ByAction, query.ByOutcome, query.ByTargetType, query.ByChannel, query.ByHour}
)

// BenchmarkCount counts as the pages of the viewer do, without a limit of the time.
func BenchmarkCount(b *testing.B) {
	n := recordCount(b)
	reader, err := ledgerquery.NewReader(generatedLedger(b, n))
	require.NoError(b, err)
	samples := sampleRecords(n)
	for _, c := range counts {
		b.Run("count="+c.name, func(b *testing.B) {
			by := query.Facets{By: c.by, Top: 7, Quick: true}
			counted, done, before := int64(0), 0, processorTime(b)
			for b.Loop() {
				got, err := query.Count(b.Context(), reader, c.filter(samples[done%len(samples)]), by)
				require.NoError(b, err)
				counted += got.Records
				done++
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(done), "cpu-ms/op")
			b.ReportMetric(float64(counted)/float64(done), "records/op")
		})
	}
}
