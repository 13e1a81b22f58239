package query

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/opendeed/audit"
)

// Facet is what Count counts records by.
type Facet uint8

// The facets.
const (
	ByActor Facet = iota // type and ID
	ByAction
	ByOperation
	ByOutcome
	ByKind
	ByTargetType
	ByTenant
	ByChannel
	ByDay
	ByHour
)

var facetWords = [...]string{
	"actor", "action", "operation", "outcome", "kind", "target_type", "tenant", "channel", "day", "hour",
}

// Valid reports whether f is one of the constants.
func (f Facet) Valid() bool { return int(f) < len(facetWords) }

// String returns a word such as "actor".
func (f Facet) String() string {
	if f.Valid() {
		return facetWords[f]
	}
	return "Facet(" + strconv.Itoa(int(f)) + ")"
}

// Facets say what to count.
type Facets struct {
	By []Facet
	// Top is the most values of each facet that are listed, those with the most records. Zero
	// lists all that were counted. It does not apply to ByDay and ByHour.
	Top int
	// Zone is the time zone of days and hours. Nil is UTC.
	Zone *time.Location
	// Quick allows a store that counts by an index to return less than everything, instead of
	// reading records: values with AtLeast, and if ctx ends, what was counted until then. It is for
	// pages that people wait for. A store without an index ignores it.
	Quick bool
}

// Counts are numbers of records.
type Counts struct {
	// Records is the number of all records.
	Records int64
	// Since is zero, or the time before which not all records were counted, since ctx ended. Then
	// Records and all values are lower limits. Only counts with Facets.Quick have it.
	Since time.Time
	// Facets are the counts of each facet, in the order of Facets.By.
	Facets []FacetCounts
}

// FacetCounts are the numbers of records with each value of a facet.
type FacetCounts struct {
	By Facet
	// Values are sorted by their records, most first, then by value. Days and hours are in
	// the order of time; those without records are left out.
	Values []FacetValue
	// Others is the number of records with values that are not listed.
	Others int64
	// Incomplete reports whether there were too many different values to count all: 10,000.
	// The counts of the listed ones are right, but one of the others may have more, at most
	// Others.
	Incomplete bool
}

// FacetValue is a value of a facet, and how many records have it.
type FacetValue struct {
	// Value is the text of the field, empty for records without one: "user/42" of an actor,
	// "2026-11-26" of a day, "2026-11-26T14:00:00+01:00" of an hour.
	Value string
	// Actor is the actor, by type and ID, for ByActor.
	Actor audit.Actor
	// Start is the beginning of a day or an hour, for ByDay and ByHour.
	Start   time.Time
	Records int64
	// AtLeast reports whether there may be more records, in a store that counts by an index.
	AtLeast bool
}

// Counter is implemented by a Reader that can count without reading every record.
type Counter interface {
	// CountRecords returns what Count would by reading, or errors.ErrUnsupported for a filter
	// or facets that it cannot count, which are then read. Both are valid.
	CountRecords(ctx context.Context, f Filter, by Facets) (*Counts, error)
}

// maxFacetValues is how many values of a facet are counted.
const maxFacetValues = 10_000

// maxCountErrors is how many errors Count returns.
const maxCountErrors = 16

// Count counts the records that Find would return. A Reader that is a [Counter] may answer
// without reading them. Otherwise Count reads all, and holds at most 10,000 values of each
// facet.
//
// If a part of the store cannot be read, Count returns the counts of the rest, and the
// errors, joined. If the filter or the facets are invalid, the counts are nil.
func Count(ctx context.Context, reader Reader, f Filter, by Facets) (*Counts, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	if by.Top < 0 || !allValid(by.By) {
		return nil, errors.New("query: Facets: By must have constants of its type only, and Top must not be negative")
	}
	if c, ok := reader.(Counter); ok {
		if counts, err := c.CountRecords(ctx, f, by); !errors.Is(err, errors.ErrUnsupported) {
			return counts, err
		}
	}
	t := NewTally(by)
	var errs []error
	fails := func(err error) bool {
		if err != nil && len(errs) < maxCountErrors {
			errs = append(errs, err)
		}
		return err != nil
	}
	if r, ok := reader.(LineReader); ok {
		for l, err := range r.FindLines(ctx, f) {
			if !fails(err) {
				fails(t.AddLine(&l))
			}
		}
	} else {
		for r, err := range reader.Find(ctx, f) {
			if !fails(err) {
				t.Add(r)
			}
		}
	}
	return t.Counts(), errors.Join(errs...)
}
