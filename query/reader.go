package query

import (
	"context"
	"iter"

	"github.com/opendeed/audit/record"
)

// Reader finds the records of a store. It is safe for concurrent use.
type Reader interface {
	// Find returns the records that match f, in order.
	//
	// If f is invalid, or has a field that the store cannot answer, the sequence yields
	// nil and a *FilterError, then ends. If part of the store cannot be read, it yields
	// nil and an error; a caller that keeps iterating gets the rest. It ends with an error
	// when ctx does.
	//
	// Records added during the iteration may be missing. A record that was stored
	// twice because its Track was retried is returned once. Two different records with
	// the same ID are both returned, because that is evidence.
	Find(ctx context.Context, f Filter) iter.Seq2[*record.Record, error]
}
