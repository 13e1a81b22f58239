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

// Limits of the open attempts of one party in a ledger. A system actor may use all slots.
const (
	maxPartyAttempts     = ledger.MaxOpenPairs / 4
	maxPartyAttemptBytes = ledger.MaxOpenPairBytes / 4 // of the records that began them
)

// openAttempts bounds the attempts that are open in a ledger: how many of them a party may
// have, and how long each keeps its slot.
type openAttempts struct {
	timeout time.Duration
	expire  func([]audit.ID) // frees the slots

	expiring sync.Mutex // held while slots are freed

	mu      sync.Mutex
	byID    map[audit.ID]*list.Element
	byParty map[party.Party]attemptLoad
	order   *list.List  // of openAttempt, the oldest first
	timer   *time.Timer // frees slots; nil while no attempt is open
	closed  bool
}

type openAttempt struct {
	id    audit.ID
	party party.Party
	begun time.Time
	bytes int
}

// attemptLoad counts the open attempts of a party, and the bytes of their records.
type attemptLoad struct{ attempts, bytes int }

// attemptOf returns what is in an element of order.
func attemptOf(e *list.Element) openAttempt {
	return e.Value.(openAttempt) //nolint:errcheck,forcetypeassert // nothing else is in it
}

func newOpenAttempts(timeout time.Duration, expire func([]audit.ID)) *openAttempts {
	return &openAttempts{
		timeout: timeout, expire: expire,
		byID: map[audit.ID]*list.Element{}, byParty: map[party.Party]attemptLoad{}, order: list.New(),
	}
}

// begin takes a slot for the attempt that the record of some bytes begins. It returns false
// if the attempt has one already.
func (o *openAttempts) begin(r *record.Record, p party.Party, bytes int) (began bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	load := o.byParty[p]
	switch {
	case o.byID[r.Attempt] != nil:
		return false, nil
	case r.Actor.Type == audit.ActorSystem:
	case load.attempts >= maxPartyAttempts || load.bytes+bytes > maxPartyAttemptBytes && load.attempts > 0:
		return false, errPartyAttempts
	}
	o.byID[r.Attempt] = o.order.PushBack(openAttempt{id: r.Attempt, party: p, begun: time.Now(), bytes: bytes})
	o.byParty[p] = attemptLoad{load.attempts + 1, load.bytes + bytes}
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
	load := o.byParty[a.party]
	if load.attempts--; load.attempts == 0 {
		delete(o.byParty, a.party)
		return a
	}
	load.bytes -= a.bytes
	o.byParty[a.party] = load
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
