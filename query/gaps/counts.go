package gaps

import (
	"maps"
	"strconv"
	"strings"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Counts are how many events and requests there were.
type Counts struct {
	// Recorded is the number of events that every delivery accepted.
	Recorded int64 `json:"recorded"`
	// Rejected are the events whose Track failed, by the reason that package sdk documents, and
	// those that never reached the provider, by that of semconv.CountRejectedKey.
	Rejected map[string]int64 `json:"rejected,omitempty"`
	// Dropped are the events that processors dropped, by the type of the processor.
	Dropped map[string]int64 `json:"dropped,omitempty"`
	// Lost are the records that a batcher gave up, by exporter.
	Lost map[string]int64 `json:"lost,omitempty"`
	// DeadLettered are the entries of a ledger that became dead letters, by exporter. The ledger
	// has them.
	DeadLettered map[string]int64 `json:"dead_lettered,omitempty"`
	// Requests are the requests that a middleware with WithCoverage has seen, by the names that
	// package semconv has (RequestsSeen and the others). It is nil if none was counted.
	Requests map[string]int64 `json:"requests,omitempty"`
}

// lists returns the counts with names, by the keys of their metadata.
func (c *Counts) lists() map[attribute.Key]*map[string]int64 {
	return map[attribute.Key]*map[string]int64{
		semconv.CountRejectedKey:     &c.Rejected,
		semconv.CountDroppedKey:      &c.Dropped,
		semconv.CountLostKey:         &c.Lost,
		semconv.CountDeadLetteredKey: &c.DeadLettered,
		semconv.CountRequestsKey:     &c.Requests,
	}
}

// countsOf returns the counts that a record has.
func countsOf(r *record.Record) Counts {
	var c Counts
	lists := c.lists()
	for _, kv := range r.Metadata {
		if kv.Key == semconv.CountRecordedKey {
			c.Recorded = kv.Value.AsInt64()
		}
		to, ok := lists[kv.Key]
		if !ok {
			continue
		}
		*to = map[string]int64{}
		for _, text := range kv.Value.AsStringSlice() {
			at := strings.LastIndex(text, ": ")
			if at < 0 {
				continue
			}
			if n, err := strconv.ParseInt(text[at+2:], 10, 64); err == nil {
				(*to)[text[:at]] = n
			}
		}
	}
	return c
}

// add adds other to c, or subtracts it if sign is -1.
func (c *Counts) add(other *Counts, sign int64) {
	c.Recorded += sign * other.Recorded
	lists := c.lists()
	for key, from := range other.lists() {
		to := lists[key]
		if *to == nil && *from != nil {
			*to = map[string]int64{}
		}
		for name, n := range *from {
			(*to)[name] += sign * n
		}
	}
}

// minus returns what was counted since an earlier record. It returns false if that had more.
func (c *Counts) minus(earlier *Counts) (left Counts, ok bool) {
	left.add(c, 1)
	left.add(earlier, -1)
	ok = left.Recorded >= 0
	for _, list := range left.lists() {
		for _, n := range *list {
			ok = ok && n >= 0
		}
		if *list != nil {
			maps.DeleteFunc(*list, func(_ string, n int64) bool { return n == 0 })
		}
	}
	return left, ok
}

// Gaps returns how many events left no record, or not everywhere, and how many requests should
// have left an event and left none.
func (c *Counts) Gaps() int64 {
	return sum(c.Rejected) + sum(c.Dropped) + sum(c.Lost) + sum(c.DeadLettered) + c.Requests[semconv.RequestsMissing]
}

// running returns how many requests have begun and not ended.
func (c *Counts) running() int64 {
	seen := c.Requests[semconv.RequestsSeen]
	return 2*seen - sum(c.Requests)
}

func sum(counts map[string]int64) (n int64) {
	for _, k := range counts {
		n += k
	}
	return n
}
