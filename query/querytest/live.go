package querytest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// Store is a store that is written while it is read.
type Store struct {
	Reader query.Reader
	// Append stores records. It is called on one goroutine at a time.
	Append func(t *testing.T, records ...*record.Record)
	// UniqueIDs says that the store rejects different records with one ID.
	UniqueIDs bool
}

// RunBesideWriter reads pages of a new, empty store while a writer adds records before and
// after the place of the reader. What was stored before the first page must be on one page,
// whether times or IDs are tied or not, and nothing may be on two.
func RunBesideWriter(t *testing.T, newStore func(t *testing.T) Store) {
	t.Helper()
	for _, ascending := range []bool{false, true} {
		for _, size := range []int{1, 7, 32} {
			t.Run(fmt.Sprintf("ascending=%t/size=%d", ascending, size), func(t *testing.T) {
				readBesideWriter(t, newStore(t), query.Filter{Ascending: ascending, Limit: size})
			})
		}
	}
}

// tied returns a record whose time, and in some stores whose ID, others have too.
func tied(rng *rand.Rand, s Store, n int) *record.Record {
	r := newRecord(n)
	r.Time = epoch.Add(time.Duration(rng.IntN(6)))
	r.Target.ID = fmt.Sprint(n)
	if !s.UniqueIDs && n%4 == 3 {
		r.ID, r.Time = id(n/4), epoch.Add(time.Duration(n/4%6)) // of few records, all different
	}
	return r
}

func readBesideWriter(t *testing.T, s Store, f query.Filter) {
	t.Helper()
	const before = 60
	rng := rand.New(rand.NewPCG(5, uint64(f.Limit)))
	var stored []*record.Record
	for n := range before {
		stored = append(stored, tied(rng, s, n))
	}
	s.Append(t, stored...)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	wrote := make(chan struct{}, 1)
	writer.Go(func() {
		for n := before; n < 6*before; n++ {
			s.Append(t, tied(rng, s, n))
			select {
			case wrote <- struct{}{}:
			case <-stop:
				return
			}
		}
		close(wrote)
	})
	defer writer.Wait()
	defer close(stop)
	seen := map[string]int{}
	var last *record.Record
	for page := 1; ; page++ {
		<-wrote // something is new on each page
		n := 0
		for r, err := range s.Reader.Find(t.Context(), f) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; last != nil && (query.PositionOf(last).Compare(query.PositionOf(r)) < 0) != f.Ascending {
				t.Fatalf("page %d: %s comes after %s", page, jsonOf(r), jsonOf(last))
			}
			seen[jsonOf(r)]++
			last = r
		}
		if n < f.Limit {
			break
		}
		f.After = query.CursorOf(last)
	}
	for _, r := range stored {
		if seen[jsonOf(r)] == 0 {
			t.Errorf("no page has %s", jsonOf(r))
		}
	}
	for text, n := range seen {
		if n > 1 {
			t.Errorf("%d pages have %s", n, text)
		}
	}
}
