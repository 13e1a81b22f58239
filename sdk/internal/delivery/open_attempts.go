package delivery

import (
	"container/list"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/opendeed/audit/sdk/ledger"
)

// maxPartyAttempts is how many attempts of one party may be open in a ledger. A system
// actor may use all slots.
const maxPartyAttempts = ledger.MaxOpenPairs / 4

// openAttempts bounds the attempts that are open in a ledger: how many of them a party may
// have, and how long each keeps its slot.
type openAttempts struct {
	timeout time.Duration
	expire  func([]audit.ID) // frees the slots

	expiring sync.Mutex // held while slots are freed

	mu      sync.Mutex
	byID    map[audit.ID]*list.Element
	byParty map[party.Party]int
	order   *list.List  // of openAttempt, the oldest first
	timer   *time.Timer // frees slots; nil while no attempt is open
	closed  bool
}

type openAttempt struct {
	id    audit.ID
	party party.Party
	begun time.Time
}

// attemptOf returns what is in an element of order.
func attemptOf(e *list.Element) openAttempt {
	return e.Value.(openAttempt) //nolint:errcheck,forcetypeassert // nothing else is in it
}

func newOpenAttempts(timeout time.Duration, expire func([]audit.ID)) *openAttempts {
	return &openAttempts{
		timeout: timeout, expire: expire,
		byID: map[audit.ID]*list.Element{}, byParty: map[party.Party]int{}, order: list.New(),
	}
}

// begin takes a slot for the attempt that the record begins. It returns false if the
// attempt has one already.
func (o *openAttempts) begin(r *record.Record, p party.Party) (began bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.byID[r.Attempt] != nil:
		return false, nil
	case o.byParty[p] >= maxPartyAttempts && r.Actor.Type != audit.ActorSystem:
		return false, errPartyAttempts
	}
	o.byID[r.Attempt] = o.order.PushBack(openAttempt{id: r.Attempt, party: p, begun: time.Now()})
	o.byParty[p]++
	o.schedule()
	return true, nil
}

// end frees the slot of an attempt, if it has one.
func (o *openAttempts) end(id audit.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.byID[id]; e != nil {
		o.remove(e)
	}
}

// remove forgets an attempt. mu is held.
func (o *openAttempts) remove(e *list.Element) openAttempt {
	a := attemptOf(e)
	o.order.Remove(e)
	delete(o.byID, a.id)
	if o.byParty[a.party]--; o.byParty[a.party] == 0 {
		delete(o.byParty, a.party)
	}
	return a
}

// schedule sets the timer for the oldest attempt. mu is held.
func (o *openAttempts) schedule() {
	oldest := o.order.Front()
	if o.timer != nil || oldest == nil || o.closed {
		return
	}
	o.timer = time.AfterFunc(time.Until(attemptOf(oldest).begun.Add(o.timeout)), o.expireOld)
}

// expireOld frees the slots of the attempts that were begun too long ago.
func (o *openAttempts) expireOld() {
	o.expiring.Lock()
	defer o.expiring.Unlock()
	o.mu.Lock()
	var old []audit.ID
	for e := o.order.Front(); e != nil && !o.closed; e = o.order.Front() {
		if time.Since(attemptOf(e).begun) < o.timeout {
			break
		}
		old = append(old, o.remove(e).id)
	}
	o.timer = nil
	o.schedule()
	o.mu.Unlock()
	if len(old) > 0 {
		o.expire(old)
	}
}

// len returns how many attempts have a slot.
func (o *openAttempts) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.order.Len()
}

// close stops the timer, and waits until no slots are being freed.
func (o *openAttempts) close() {
	o.mu.Lock()
	o.closed = true
	if o.timer != nil {
		o.timer.Stop()
	}
	o.mu.Unlock()
	o.expiring.Lock()
	defer o.expiring.Unlock()
}
