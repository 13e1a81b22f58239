package index

import (
	"math/rand/v2"
	"testing"

	"github.com/opendeed/audit/record"
)

// BenchmarkExtract compares taking the terms from JSON with decoding it. An operation is one
// record.
func BenchmarkExtract(b *testing.B) {
	data := randomRecord(b, rand.New(rand.NewPCG(1, 2)))
	b.Run("impl=extract", func(b *testing.B) {
		s := collector{Builder: NewBuilder([16]byte{1}, 1, NewRecent([16]byte{1}), true)}
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			s.n, s.terms = 0, s.terms[:0]
			if _, ok := extract(data, false, &s); !ok {
				b.Fatal("it is not extracted")
			}
		}
	})
	b.Run("impl=decode", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var r record.Record
			if err := r.UnmarshalJSON(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
