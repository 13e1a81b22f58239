package sdk

import (
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
)

// attemptOwners remembers who began the attempts that are open, so that nobody else ends
// one. It forgets the oldest of more than maxAttemptOwners; then whoever names the attempt
// may end it.
type attemptOwners struct {
	mu             sync.Mutex
	current, older map[audit.ID]attemptOwner
}

// attemptOwner is who may end an attempt, besides the holder of the audit.Attempt.
type attemptOwner struct {
	tracker   string
	actorType audit.ActorType
	actorID   string
}

func ownerOf(r *record.Record) attemptOwner {
	return attemptOwner{r.Tracker.Name, r.Actor.Type, r.Actor.ID}
}

// maxAttemptOwners is as many as a ledger keeps open.
const maxAttemptOwners = 10_000

// check removes the attempt from a record that may not name it, and marks the record. A
// record may name the attempt that it begins, the attempt whose Finish tracks it, and one
// that its own tracker and actor began. Of an attempt that another process began, the
// owner is not known.
func (o *attemptOwners) check(r *record.Record, finishing audit.ID) {
	if r.Attempt.IsZero() || r.Attempt == finishing {
		return
	}
	o.mu.Lock()
	owner, known := o.find(r.Attempt)
	o.mu.Unlock()
	if known && owner != ownerOf(r) {
		r.Attempt = audit.ID{}
		r.AddMark(mark.Mark{Path: "attempt", Kind: mark.Dropped, Count: 1})
	}
}

// stored takes note of a stored record that begins or ends an attempt, if it has one.
func (o *attemptOwners) stored(id, attempt audit.ID, owner attemptOwner) {
	if attempt.IsZero() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if attempt != id {
		delete(o.current, attempt)
		delete(o.older, attempt)
		return
	}
	if o.current == nil || len(o.current) >= maxAttemptOwners {
		o.older, o.current = o.current, make(map[audit.ID]attemptOwner)
	}
	o.current[id] = owner
}

func (o *attemptOwners) find(attempt audit.ID) (owner attemptOwner, known bool) {
	if owner, known = o.current[attempt]; known {
		return owner, true
	}
	owner, known = o.older[attempt]
	return owner, known
}
