package viewer

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opendeed/audit/query"
)

// How long counts are kept, how many, and how long it must have taken to count them. Cheap
// ones are counted each time.
const (
	keepCounts = 5 * time.Second
	maxCounts  = 64
	slowCount  = 10 * time.Millisecond
)

// countCache keeps counts for a few seconds: when many people look at one trail, most of their
// pages have the same chart. It also bounds how many counts run at once. It is safe for
// concurrent use.
type countCache struct {
	slots chan struct{}

	mu   sync.Mutex
	kept map[string]keptCount
}

type keptCount struct {
	counts *counted
	at     time.Time
}

func newCountCache() *countCache {
	return &countCache{slots: make(chan struct{}, runtime.GOMAXPROCS(0)), kept: map[string]keptCount{}}
}

// get returns counts that were kept, or those that count returns once it is its turn. It
// returns nil if that takes longer than wait. count reports whether it was interrupted.
func (c *countCache) get(ctx context.Context, wait time.Duration, key string, count func() (counts *counted, interrupted bool)) *counted {
	if kept := c.find(key); kept != nil {
		return kept
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil
	}
	if kept := c.find(key); kept != nil { // somebody else has counted it meanwhile
		return kept
	}
	began := time.Now()
	counts, interrupted := count()
	if counts != nil && !interrupted && time.Since(began) >= slowCount {
		c.keep(key, counts)
	}
	return counts
}

func (c *countCache) find(key string) *counted {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.kept[key]
	if !ok || time.Since(kept.at) > keepCounts {
		return nil
	}
	return kept.counts
}

func (c *countCache) keep(key string, counts *counted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	oldest, oldestKey := time.Now(), ""
	for k, kept := range c.kept {
		if time.Since(kept.at) > keepCounts {
			delete(c.kept, k)
		} else if kept.at.Before(oldest) {
			oldest, oldestKey = kept.at, k
		}
	}
	if len(c.kept) >= maxCounts {
		delete(c.kept, oldestKey)
	}
	c.kept[key] = keptCount{counts, time.Now()}
}

// countKey distinguishes counts: by filter and facets, by what the person may see, and by whether
// all were counted. ok is false for a filter without a canonical form.
func (v *visit) countKey(f query.Filter, by query.Facets, complete bool) (key string, ok bool) {
	parts := []string{strconv.FormatBool(complete)}
	for _, filter := range []query.Filter{f, v.view.Within} {
		text, err := filter.MarshalJSON()
		if err != nil {
			return "", false
		}
		parts = append(parts, string(text))
	}
	for _, facet := range by.By {
		parts = append(parts, facet.String())
	}
	parts = append(parts, by.Zone.String(), strconv.Itoa(len(v.view.Fields)))
	parts = append(append(parts, v.view.Fields...), v.view.Hidden...)
	return strings.Join(parts, "\x00"), true
}
