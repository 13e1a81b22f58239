package delivery

import (
	"sync"

	"github.com/opendeed/audit/record"
)

// queue is a bounded queue of records with any number of writers and one reader.
// The reader is woken for the first record and for a full batch only: waking it for
// each costs more than everything else that Track does.
type queue struct {
	limit int
	batch int
	wake  chan struct{} // has an element when there is something to look at

	mu      sync.Mutex
	records []*record.Record
	room    chan struct{} // closed when there is room again; nil unless somebody waits
}

func newQueue(limit, batch int) *queue {
	return &queue{limit: limit, batch: batch, wake: make(chan struct{}, 1)}
}

// put queues r and returns nil, or returns what is closed when it is worth trying
// again.
func (q *queue) put(r *record.Record) (full <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.records) >= q.limit {
		if q.room == nil {
			q.room = make(chan struct{})
		}
		return q.room
	}
	q.records = append(q.records, r)
	if n := len(q.records); n == 1 || n%q.batch == 0 {
		q.poke()
	}
	return nil
}

// take appends up to n of the oldest records to dst.
func (q *queue) take(dst []*record.Record, n int) []*record.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.records))
	dst = append(dst, q.records[:n]...)
	left := copy(q.records, q.records[n:])
	clear(q.records[left:])
	q.records = q.records[:left]
	if left > 0 {
		q.poke() // the reader is to look again
	}
	if q.room != nil && n > 0 {
		close(q.room)
		q.room = nil
	}
	return dst
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.records)
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
