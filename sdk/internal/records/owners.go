package records

import (
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
)

// Owners remembers who began the attempts that are open, so that nobody else ends
// one. It forgets the oldest of more than maxOwners; then whoever names the attempt may end
// it. Its methods may be called concurrently.
type Owners struct {
	mu             sync.Mutex
	current, older map[audit.ID]Owner
}

// Owner is who may end an attempt, besides the holder of the audit.Attempt.
type Owner struct {
	tracker   string
	tenant    string // each may have an actor of the same ID
	actor     actor
	principal actor // on whose behalf the actor acts
}

type actor struct {
	kind audit.ActorType
	id   string
}

// OwnerOf returns who owns the attempt that the record begins.
func OwnerOf(r *record.Record) Owner {
	o := Owner{tracker: r.Tracker.Name, tenant: r.Tenant, actor: actor{r.Actor.Type, r.Actor.ID}}
	if p := r.Actor.OnBehalfOf; p != nil {
		o.principal = actor{p.Type, p.ID}
	}
	return o
}

// maxOwners is as many as a ledger keeps open.
const maxOwners = 10_000

// Check removes the attempt from a record that may not name it, and marks the record. A
// record may name the attempt that it begins, the attempt whose Finish tracks it, and one
// that its own tracker and actor began. Of an attempt that another process began, the
// owner is not known.
func (o *Owners) Check(r *record.Record, finishing audit.ID) {
	if r.Attempt.IsZero() || r.Attempt == finishing {
		return
	}
	o.mu.Lock()
	owner, known := o.find(r.Attempt)
	o.mu.Unlock()
	if known && !owner.is(OwnerOf(r)) {
		r.Attempt = audit.ID{}
		r.AddMark(mark.Mark{Path: "attempt", Kind: mark.Dropped, Count: 1})
	}
}

// is reports whether a record of another owner may end the owner's attempt: it is the same one,
// as far as the record says for which tenant and for whom it acts.
func (o Owner) is(other Owner) bool {
	if other.tenant == "" {
		other.tenant = o.tenant
	}
	if other.principal == (actor{}) {
		other.principal = o.principal
	}
	return o == other
}

// Stored takes note of a stored record that begins or ends an attempt, if it has one.
func (o *Owners) Stored(id, attempt audit.ID, owner Owner) {
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
	if o.current == nil || len(o.current) >= maxOwners {
		o.older, o.current = o.current, make(map[audit.ID]Owner)
	}
	o.current[id] = owner
}

func (o *Owners) find(attempt audit.ID) (owner Owner, known bool) {
	if owner, known = o.current[attempt]; known {
		return owner, true
	}
	owner, known = o.older[attempt]
	return owner, known
}
