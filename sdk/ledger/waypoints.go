package ledger

import (
	"cmp"
	"slices"
	"sync"
)

// waypoints remembers where frames begin, so that reading can start within a segment.
// Frames are found by reading all before them otherwise. Its methods are safe for
// concurrent use, and do nothing if the receiver is nil.
type waypoints struct {
	mu       sync.Mutex
	segments map[uint64][]waypoint // by segment number, in order
}

// waypoint is a place where a frame begins.
type waypoint struct {
	offset int64
	next   uint64 // sequence number of the frame's first entry
}

// waypointDistance is the least distance of two waypoints, in bytes. What is remembered
// of a ledger is then less than a ten thousandth of its size.
const waypointDistance = readAhead

// add remembers the place of a scanner in a segment.
func (p *waypoints) add(number uint64, s *scanner) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.segments[number]
	last := int64(segmentHeaderSize)
	if len(known) > 0 {
		last = known[len(known)-1].offset
	}
	if s.offset < last+waypointDistance {
		return
	}
	if p.segments == nil {
		p.segments = map[uint64][]waypoint{}
	}
	p.segments[number] = append(known, waypoint{offset: s.offset, next: s.next})
}

// set replaces what is remembered of a segment by one place.
func (p *waypoints) set(number uint64, at waypoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.segments == nil {
		p.segments = map[uint64][]waypoint{}
	}
	p.segments[number] = []waypoint{at}
}

// seek moves a new scanner to the last waypoint before an entry.
func (p *waypoints) seek(s *scanner, seq uint64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.segments[s.segment.number]
	at, found := slices.BinarySearchFunc(known, seq, func(w waypoint, seq uint64) int { return cmp.Compare(w.next, seq) })
	if !found {
		at--
	}
	if at >= 0 && known[at].offset < s.end {
		s.offset, s.next = known[at].offset, known[at].next
	}
}

// forget removes the waypoints of segments before the oldest one.
func (p *waypoints) forget(oldest uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for number := range p.segments {
		if number < oldest {
			delete(p.segments, number)
		}
	}
}
