// Package held has what a unit of work holds: records that are true only once it commits.
// Package unit decides how a unit ends, and the SDK what becomes of its records then.
package held

import (
	"context"
	"errors"
	"sync"

	"github.com/opendeed/audit"
)

// End is how a unit of work, or a part of it, ended.
type End uint8

const (
	// Open means that it has not ended.
	Open End = iota
	// Committed means that the work is done.
	Committed
	// RolledBack means that the work was undone.
	RolledBack
	// Unknown means that nobody knows whether the work is done.
	Unknown
	// Rerun means that the work was undone and is done again.
	Rerun
)

// Record is a record that a unit of work holds. Its methods are not called concurrently.
type Record interface {
	// Undo makes the record say that it did not come true, however the unit ends.
	Undo()
	// Outward reports the record to the scopes of the outer unit: a savepoint was released.
	Outward(ctx context.Context)
	// Settle adds the record, changed as end demands, to the signal.Batch of ctx.
	Settle(ctx context.Context, end End)
}

// Unit holds the records of one run of a unit of work, or of a savepoint in it. It is safe
// for concurrent use.
type Unit struct {
	// ID is the ID of the attempt that began the unit.
	ID audit.ID
	// Context is the context in which the unit was begun, never canceled. What is recorded
	// while the unit is open is recorded in it, not in the transaction.
	Context context.Context

	outer   *Unit        // nil unless it is a savepoint
	shared  *shared      // by a run and its savepoints
	release func() error // releases a savepoint

	// shared.mu guards these.
	end     End
	records []Record
	inner   []*Unit // open savepoints
}

type shared struct {
	mu      sync.Mutex
	limit   int
	places  int  // that are taken
	endless bool // the unit is ending: what its scope gives up is held, whatever the limit
}

// NewUnit returns a Unit that has places for limit records.
func NewUnit(ctx context.Context, id audit.ID, limit int) *Unit {
	return &Unit{ID: id, Context: ctx, shared: &shared{limit: limit}}
}

// NewSavepoint returns a Unit for a savepoint, or nil if the unit has ended. release releases
// the savepoint: it is called if the unit ends before.
func (u *Unit) NewSavepoint(release func() error) *Unit {
	u.shared.mu.Lock()
	defer u.shared.mu.Unlock()
	u = u.open()
	if u == nil {
		return nil
	}
	s := &Unit{ID: u.ID, Context: u.Context, outer: u, shared: u.shared, release: release}
	u.inner = append(u.inner, s)
	return s
}

// IsOpen reports whether the unit may still hold records.
func (u *Unit) IsOpen() bool {
	u.shared.mu.Lock()
	defer u.shared.mu.Unlock()
	return u.open() != nil
}

// open returns the unit that holds the records of u: u itself or, for a savepoint that has
// ended, the one around it, whose transaction continues. It returns nil if that has ended. mu is
// held.
func (u *Unit) open() *Unit {
	for u.end != Open && u.outer != nil {
		u = u.outer
	}
	if u.end != Open {
		return nil
	}
	return u
}

// Place is where a record goes.
type Place uint8

const (
	// Held means that the unit has taken a place for the record.
	Held Place = iota
	// Full means that the unit has no place left: the record must be begun.
	Full
	// Ended means that the unit has ended, and does not hold the record.
	Ended
)

// Reserve takes a place for a record, if there is one.
func (u *Unit) Reserve() Place {
	s := u.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case u.open() == nil:
		return Ended
	case s.places >= s.limit && !s.endless:
		return Full
	}
	s.places++
	return Held
}

// Add holds a record. It returns false if the unit has ended since Reserve.
func (u *Unit) Add(r Record) bool {
	u.shared.mu.Lock()
	defer u.shared.mu.Unlock()
	u = u.open()
	if u == nil {
		return false
	}
	u.records = append(u.records, r)
	return true
}

// Ending makes room for what the scopes of the unit give up when they end, and releases the
// savepoints that are open.
func (u *Unit) Ending() error {
	u.shared.mu.Lock()
	if u.outer == nil {
		u.shared.endless = true
	}
	inner := u.inner
	u.inner = nil
	u.shared.mu.Unlock()
	var errs []error
	for _, s := range inner {
		errs = append(errs, s.release())
	}
	return errors.Join(errs...)
}

// End ends the unit and returns its records.
func (u *Unit) End(end End) []Record {
	u.shared.mu.Lock()
	defer u.shared.mu.Unlock()
	if u.end != Open {
		return nil
	}
	u.end = end
	records := u.records
	u.records = nil
	if u.outer != nil {
		u.outer.remove(u)
	}
	return records
}

// Pass gives the records of an ended savepoint to the unit around it. It returns false if
// that has ended.
func (u *Unit) Pass(records []Record) bool {
	u.shared.mu.Lock()
	defer u.shared.mu.Unlock()
	outer := u.outer.open()
	if outer == nil {
		return false
	}
	outer.records = append(outer.records, records...)
	return true
}

type outsideKey struct{}

// Outside returns a context whose events are not held, though it is that of a unit.
func Outside(ctx context.Context) context.Context {
	return context.WithValue(ctx, outsideKey{}, true)
}

// IsOutside reports whether ctx comes from Outside.
func IsOutside(ctx context.Context) bool { return ctx.Value(outsideKey{}) != nil }

// remove forgets a savepoint. mu is held.
func (u *Unit) remove(s *Unit) {
	for i := range u.inner {
		if u.inner[i] == s {
			u.inner = append(u.inner[:i], u.inner[i+1:]...)
			return
		}
	}
}
