package ledger

import (
	"sync"
	"time"
)

// zeros remembers from where on the segment that is being written has only zeros. A reader that
// looks for new entries many times a second would read all of them each time: 64 MiB by default.
// Its methods are safe for concurrent use.
type zeros struct {
	mu     sync.Mutex
	number uint64 // of the segment
	from   int64
	seen   time.Time
}

// trustZeros is how long the zeros that were seen are not all read again. Damage among them is
// noticed that much later.
const trustZeros = 10 * time.Second

// has reports whether there were only zeros from an offset on, not long ago.
func (z *zeros) has(number uint64, offset int64) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.number == number && z.from != 0 && z.from <= offset && time.Since(z.seen) < trustZeros
}

func (z *zeros) add(number uint64, from int64) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.number, z.from, z.seen = number, from, time.Now()
}

// firstAfterEnd is firstNonZero where a segment may end that is being written.
func (s *scanner) firstAfterEnd() (int64, error) {
	if s.zeros == nil {
		return s.firstNonZero(s.offset)
	}
	if near := min(s.end, s.offset+readAhead); s.zeros.has(s.segment.number, s.offset) {
		b, err := s.view(s.offset, int(near-s.offset))
		if err != nil {
			return 0, err
		}
		if allZero(b) {
			return s.end, nil
		}
	}
	first, err := s.firstNonZero(s.offset)
	if err == nil && first >= s.end {
		s.zeros.add(s.segment.number, s.offset)
	}
	return first, err
}
