package exportfile

import (
	"runtime"

	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/query"
)

// batchSize is how many records are encoded at once.
const batchSize = 512

// encoders encode records on several goroutines, and return the lines in order.
type encoders struct {
	newAppend func() render.AppendFunc
	batch     []query.Line
	queue     []chan encoded // of the batches that are being encoded, oldest first
	idle      []render.AppendFunc
	buffers   [][]byte
	batches   [][]query.Line
}

// encoded has the lines of a batch.
type encoded struct {
	lines  []byte
	append render.AppendFunc // to use again
	batch  []query.Line
	last   query.Line
	n      int64
	err    error
}

// add adds a record, and returns whether a batch should be taken before the next one.
func (e *encoders) add(l query.Line) bool {
	if e.batch = append(e.batch, l); len(e.batch) == batchSize {
		e.start()
	}
	return len(e.queue) > 2*runtime.GOMAXPROCS(0)
}

// start encodes the batch.
func (e *encoders) start() {
	if len(e.batch) == 0 {
		return
	}
	batch, result := e.batch, make(chan encoded, 1)
	appendLine := pop(&e.idle)
	if appendLine == nil {
		appendLine = e.newAppend()
	}
	lines := pop(&e.buffers)[:0]
	e.batch, e.queue = pop(&e.batches)[:0], append(e.queue, result)
	go func() {
		done := encoded{append: appendLine, last: batch[len(batch)-1], n: int64(len(batch))}
		for i := range batch {
			if lines, done.err = appendLine(lines, &batch[i]); done.err != nil {
				break
			}
		}
		clear(batch) // so that they can be freed
		done.lines, done.batch = lines, batch
		result <- done
	}()
}

// take waits for the oldest batch. It must be released.
func (e *encoders) take() encoded {
	done := <-e.queue[0]
	e.queue = e.queue[1:]
	return done
}

func (e *encoders) release(done encoded) {
	e.idle, e.buffers, e.batches = append(e.idle, done.append), append(e.buffers, done.lines), append(e.batches, done.batch)
}

// pop removes the last element, and returns the zero value if the list is empty.
func pop[T any](list *[]T) (last T) {
	if n := len(*list); n > 0 {
		last = (*list)[n-1]
		*list = (*list)[:n-1]
	}
	return last
}
