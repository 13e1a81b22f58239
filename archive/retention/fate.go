package retention

import (
	"time"

	"github.com/opendeed/audit/record"
)

// action is what becomes of a record when its segment or batch leaves a store.
type action uint8

const (
	actionKeep    action = iota // it must stay where it is
	actionArchive               // an archive keeps it
	actionRemove                // nobody keeps it
)

// fate says what becomes of a record.
type fate struct {
	class  string // the name of its rule, or ""
	action action
	until  time.Time // when a record that is kept need not stay any more, but for a hold
	hold   string    // the name of a hold that matches it, or ""
	// pinned reports that the hold keeps the record where it is, since it may not leave for an
	// archive. Blocked reports that nothing else keeps it.
	pinned, blocked bool
}

// decider decides about records at one time.
type decider struct {
	policy *Policy
	holds  *holds
	now    time.Time
}

// decide returns the fate of a record.
func (d *decider) decide(r *record.Record) fate {
	rule := d.policy.ruleOf(r)
	f := fate{hold: d.holds.matching(r)}
	f.pinned = f.hold != "" && (rule == nil || rule.ArchiveAfter == 0)
	if rule == nil {
		return f
	}
	f.class = rule.Name
	born := bornAt(r)
	switch {
	case rule.Keep > 0 && f.hold == "" && d.reached(born, rule.Keep):
		f.action = actionRemove
	case rule.ArchiveAfter > 0 && d.reached(born, rule.ArchiveAfter):
		f.action = actionArchive
	case rule.ArchiveAfter > 0:
		f.until = born.Add(rule.ArchiveAfter)
	case rule.Keep > 0 && d.reached(born, rule.Keep):
		f.blocked = true
	case rule.Keep > 0:
		f.until = born.Add(rule.Keep)
	}
	return f
}

// reached reports whether a time after born has come.
func (d *decider) reached(born time.Time, after time.Duration) bool {
	return !born.Add(after).After(d.now)
}

// garbage is the fate of an entry that holds no record: nobody knows its class, so an archive
// keeps it.
var garbage = fate{class: unclassified, action: actionArchive}
