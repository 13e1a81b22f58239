package ledgerquery

import (
	"fmt"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/opendeed/audit/query/internal/index"
)

// maxCountCache is about how many bytes of counts a Reader keeps.
const maxCountCache = 8 << 20

// countCache keeps the counts of parts, which do not change: many people ask for the same ones, and
// who clicks through a trail asks again and again. It is safe for concurrent use. The zero value is
// ready.
type countCache struct {
	mu    sync.Mutex
	kept  map[countKey]*keptCounts
	size  int
	clock int // of the last use
}

// countKey is what was counted. Counts whose index is gone are not found again, and dropped in time.
type countKey struct {
	file   weak.Pointer[index.File]
	from   uint64 // the first entry that an entry of the part may repeat, unless it was removed
	filter string // in JSON, without times
	by     string
}

type keptCounts struct {
	*partCounts

	size, used int
}

// keyOf returns the key of the counts of a part. ok is false if the filter may leave out some of
// its times.
func (c *counting) keyOf(p *part) (key countKey, ok bool) {
	if all, _ := limitsOf(&c.search.Filter).holds(p.oldest, p.newest); !all {
		return key, false
	}
	f := c.search.Filter
	f.Since, f.Until = time.Time{}, time.Time{}
	filter, err := f.MarshalJSON()
	if err != nil {
		return key, false
	}
	zone := time.UTC
	if c.by.Zone != nil {
		zone = c.by.Zone
	}
	const layout = "-07:00:00" // since zones with one name may differ
	by := fmt.Sprint(&c.by.By, c.by.Quick, zone, time.Unix(0, p.oldest).In(zone).Format(layout), time.Unix(0, p.newest).In(zone).Format(layout))
	from := max(c.snapshot.floor, p.first-min(p.first, 2*index.Window)) // no index looks back further
	return countKey{weak.Make(p.file), from, string(filter), by}, true
}

// find returns counts that were kept, or nil.
func (c *countCache) find(key countKey) *partCounts {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.kept[key]
	if kept == nil {
		return nil
	}
	c.clock++
	kept.used = c.clock
	return kept.partCounts
}

// keep keeps counts, which do not change any longer, and drops the least recently used ones if
// there are too many.
func (c *countCache) keep(key countKey, counts *partCounts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[countKey]*keptCounts{}
	}
	if c.kept[key] != nil { // counted twice at the same time
		return
	}
	c.clock++
	kept := &keptCounts{partCounts: counts, size: counts.bytes() + len(key.filter) + len(key.by), used: c.clock}
	c.kept[key], c.size = kept, c.size+kept.size
	for c.size > maxCountCache {
		c.shrink()
	}
}

// bytes returns about how many bytes the counts take.
func (c *partCounts) bytes() int {
	const each = 48 // without the text
	n := c.tally.Bytes() + 4*each
	for _, facet := range c.incomplete {
		for _, v := range facet.Values {
			n += each + len(v.Text)
		}
	}
	return n
}

// shrink drops a quarter.
func (c *countCache) shrink() {
	used := make([]int, 0, len(c.kept))
	for _, kept := range c.kept {
		used = append(used, kept.used)
	}
	slices.Sort(used)
	oldest := used[len(used)/4]
	for key, kept := range c.kept {
		if kept.used <= oldest {
			delete(c.kept, key)
			c.size -= kept.size
		}
	}
}
