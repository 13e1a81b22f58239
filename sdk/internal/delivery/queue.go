package delivery

import (
	"sync"

	"github.com/opendeed/audit/record"
)

// queue is a bounded queue of records with any number of writers and one reader. It wakes
// the reader for the first record and for each full batch only, because waking it for
// every record costs more than everything else that Track does.
type queue struct {
	limit int
	batch int
	wake  chan struct{} // has an element when the reader must look at the queue

	mu      sync.Mutex
	records []*record.Record
	room    chan struct{} // closed when there is room again; nil if nobody waits
}

func newQueue(limit, batch int) *queue {
	return &queue{limit: limit, batch: batch, wake: make(chan struct{}, 1)}
}

// put adds r and returns nil. If the queue is full it returns a channel that is closed
// when the caller should try again.
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

// take removes up to n of the oldest records and appends them to dst.
func (q *queue) take(dst []*record.Record, n int) []*record.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.records))
	dst = append(dst, q.records[:n]...)
	left := copy(q.records, q.records[n:])
	clear(q.records[left:])
	q.records = q.records[:left]
	if left > 0 {
		q.poke()
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

// poke wakes the reader.
func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
