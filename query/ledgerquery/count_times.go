package ledgerquery

import (
	"math"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/index"
)

// limits are the times that a filter selects: from Since to before Until, in the nanoseconds of
// package index.
type limits struct {
	from, to int64
	until    bool // to is a limit
	any      bool // neither is
}

func limitsOf(f *query.Filter) limits {
	l := limits{from: math.MinInt64, to: math.MaxInt64, until: !f.Until.IsZero(), any: f.Since.IsZero() && f.Until.IsZero()}
	if !f.Since.IsZero() {
		l.from = index.Nanoseconds(f.Since)
	}
	if l.until {
		l.to = index.Nanoseconds(f.Until)
	}
	return l
}

// holds reports whether all times from one to another are within the limits, and whether none is.
// The last time that an index has stands for all later ones.
func (l limits) holds(oldest, newest int64) (all, none bool) {
	if l.any {
		return true, false
	}
	if newest == math.MaxInt64 {
		return false, false
	}
	return oldest >= l.from && (!l.until || newest < l.to), newest < l.from || l.until && oldest >= l.to
}

// within estimates which entries are within the limits of the filter.
func (p *partCount) within() (index.Estimate, error) {
	l := limitsOf(&p.search.Filter)
	if all, _ := l.holds(p.part.oldest, p.part.newest); all {
		return index.Estimate{Sure: p.all, Maybe: index.NoPlaces()}, nil
	}
	blocks, err := p.part.Blocks(p.r)
	if err != nil {
		return index.Estimate{}, err
	}
	var open [][2]int // places
	sure := index.Collect(p.part.Len(), func(add func(from, to int)) {
		for i := range blocks {
			span := p.part.Span(i)
			all, none := l.holds(span.Oldest, span.Newest)
			switch {
			case none || err != nil:
			case all:
				add(span.From, span.To)
			default:
				err = p.eachTime(i, func(place int, oldest, newest int64) {
					switch all, none := l.holds(oldest, newest); {
					case all:
						add(place, place+1)
					case !none:
						open = append(open, [2]int{place, place + 1})
					}
				})
			}
		}
	})
	maybe := index.Collect(p.part.Len(), func(add func(from, to int)) {
		for _, o := range open {
			add(o[0], o[1])
		}
	})
	return index.Estimate{Sure: sure.And(p.all), Maybe: maybe}, err
}

// eachTime calls yield with the entries of a block that are records, and the times between which
// each was.
func (p *partCount) eachTime(block int, yield func(place int, oldest, newest int64)) error {
	b, err := p.part.Block(p.r, block)
	if err != nil {
		return err
	}
	for place := b.First; place < b.First+b.N; place++ {
		if oldest, newest, ok := b.Times(place); ok {
			yield(place, oldest, newest)
		}
	}
	return nil
}

// run are consecutive entries in one hour or day.
type run struct {
	from, to int // places
	at       time.Time
}

// splitTimes finds the hours or days of the entries that match. It doubts those whose time is not
// known precisely enough.
func (p *partCount) splitTimes() error {
	blocks, err := p.part.Blocks(p.r)
	if err != nil {
		return err
	}
	var bucket bucket
	var open [][2]int
	add := func(from, to int, oldest, newest int64) bool {
		if !bucket.has(oldest) {
			bucket = bucketOf(p.unit, p.by.Zone, oldest)
		}
		if !bucket.has(newest) {
			return false
		}
		if n := len(p.runs) - 1; n >= 0 && p.runs[n].to == from && bucket.has(p.runs[n].at.UnixNano()) {
			p.runs[n].to = to
		} else {
			p.runs = append(p.runs, run{from, to, time.Unix(0, oldest)})
		}
		return true
	}
	for i := range blocks {
		span := p.part.Span(i)
		if p.found.Sure.CountIn(span.From, span.To) == 0 || add(span.From, span.To, span.Oldest, span.Newest) {
			continue
		}
		err := p.eachTime(i, func(place int, oldest, newest int64) {
			if !add(place, place+1, oldest, newest) {
				open = append(open, [2]int{place, place + 1})
			}
		})
		if err != nil {
			return err
		}
	}
	if len(open) > 0 {
		p.doubt(index.Collect(p.part.Len(), func(add func(from, to int)) {
			for _, o := range open {
				add(o[0], o[1])
			}
		}))
	}
	return nil
}

// bucket is a span of time in one hour or day, during which the zone has one offset. Its ends are
// Unix nanoseconds, and the last is not included.
type bucket struct{ from, to int64 }

func (b bucket) has(nanoseconds int64) bool { return b.from <= nanoseconds && nanoseconds < b.to }

func bucketOf(unit query.Facet, zone *time.Location, nanoseconds int64) bucket {
	length := int64(3600)
	if unit == query.ByDay {
		length = 24 * 3600
	}
	at := time.Unix(0, nanoseconds).UTC()
	if zone != nil {
		at = at.In(zone)
	}
	_, offset := at.Zone()
	local := at.Unix() + int64(offset)
	start := at.Unix() - ((local%length)+length)%length
	from, to := time.Unix(start, 0), time.Unix(start+length, 0)
	first, last := at.ZoneBounds() // an hour may occur twice, and a day too
	if !first.IsZero() && first.After(from) {
		from = first
	}
	if !last.IsZero() && last.Before(to) {
		to = last
	}
	return bucket{index.Nanoseconds(from), index.Nanoseconds(to)}
}
