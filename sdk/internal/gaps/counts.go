package gaps

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Counts counts events and requests. Its methods may be called concurrently. Those of a nil
// *Counts count nothing. The records of epochs are not counted, because each would cause another.
type Counts struct {
	recorded atomic.Int64
	requests [plumbing.RequestCounts]atomic.Int64

	mu    sync.Mutex
	named map[attribute.Key]map[string]int64
}

// NewCounts returns counts of nothing.
func NewCounts() *Counts { return &Counts{named: map[attribute.Key]map[string]int64{}} }

// IsOwn reports whether the record is that of an epoch.
func IsOwn(r *record.Record) bool {
	if r == nil || r.Target.Type != semconv.TargetEpoch {
		return false
	}
	return r.Action == semconv.ActionEpochOpen || r.Action == semconv.ActionEpochCount || r.Action == semconv.ActionEpochClose
}

// Recorded counts a record that every delivery accepted.
func (c *Counts) Recorded(r *record.Record) {
	if c != nil && !IsOwn(r) {
		c.recorded.Add(1)
	}
}

// RecordedMany counts n records that are not those of epochs.
func (c *Counts) RecordedMany(n int) {
	if c != nil {
		c.recorded.Add(int64(n))
	}
}

// Rejected counts an event whose Track failed, for a reason.
func (c *Counts) Rejected(reason string) { c.add(semconv.CountRejectedKey, reason, 1) }

// Lose counts n events that never reached a tracker, for a reason of package plumbing.
func (c *Counts) Lose(reason string, n int64) { c.add(semconv.CountRejectedKey, reason, n) }

// Dropped counts an event that a processor of the given type dropped.
func (c *Counts) Dropped(processor string) { c.add(semconv.CountDroppedKey, processor, 1) }

// DeadLettered counts n entries that became dead letters of an exporter. r is the record of one
// entry, or nil.
func (c *Counts) DeadLettered(exporter string, r *record.Record, n uint64) {
	if !IsOwn(r) {
		c.add(semconv.CountDeadLetteredKey, exporter, int64(n))
	}
}

// Lost counts records that a batcher gave up.
func (c *Counts) Lost(exporter string, records []*record.Record) {
	var n int64
	for _, r := range records {
		if !IsOwn(r) {
			n++
		}
	}
	c.add(semconv.CountLostKey, exporter, n)
}

func (c *Counts) add(key attribute.Key, name string, n int64) {
	if c == nil || n == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.named[key] == nil {
		c.named[key] = map[string]int64{}
	}
	c.named[key][name] += n
}

// Request counts a request.
func (c *Counts) Request(as plumbing.RequestCount) {
	if c != nil && as < plumbing.RequestCounts {
		c.requests[as].Add(1)
	}
}

// requestNames are the names of what requests are counted as.
var requestNames = [plumbing.RequestCounts]string{
	plumbing.RequestSeen:        semconv.RequestsSeen,
	plumbing.RequestAudited:     semconv.RequestsAudited,
	plumbing.RequestExempt:      semconv.RequestsExempt,
	plumbing.RequestNotRequired: semconv.RequestsNotRequired,
	plumbing.RequestFailed:      semconv.RequestsFailed,
	plumbing.RequestMissing:     semconv.RequestsMissing,
}

// metadata returns the counts as the metadata of a record.
func (c *Counts) metadata() []attribute.KeyValue {
	requests := map[string]int64{}
	for as := range slices.Backward(requestNames[:]) { // seen last: it is never less than the others
		if n := c.requests[as].Load(); n > 0 {
			requests[requestNames[as]] = n
		}
	}
	all := []attribute.KeyValue{semconv.CountRecordedKey.Int64(c.recorded.Load())}
	all = appendList(all, semconv.CountRequestsKey, requests)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(c.named)) {
		all = appendList(all, key, c.named[key])
	}
	return all
}

func appendList(all []attribute.KeyValue, key attribute.Key, counts map[string]int64) []attribute.KeyValue {
	if len(counts) == 0 {
		return all
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s: %d", name, counts[name]))
	}
	return append(all, key.StringSlice(list))
}
