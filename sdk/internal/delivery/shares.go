package delivery

import (
	"container/list"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/opendeed/audit/sdk/ledger"
)

// How a ledger with a limit is shared. What nobody else may use remains for authenticated
// actors.
const (
	reservePart = 4 // this part of the ledger is for trusted records only
	classPart   = 4 // each other class may use this part of the ledger
	partyPart   = 8 // and each party this part of its class's share
	letterPart  = 8 // this part of the limit is kept free for dead letters
)

// maxAccounts is how many parties of a class have an account. The one that has stored
// nothing for longest is forgotten first, and begins anew.
const maxAccounts = 10_000

// shares counts what the parties that are not trusted have in a ledger. A zero limit means
// that the ledger has none.
type shares struct {
	limit int64 // bytes that the ledger can hold

	mu       sync.Mutex
	promised int64 // bytes of the ends of open folds
	classes  [party.Classes]account
	parties  [party.Classes]accounts
}

func newShares(limit int64) *shares {
	s := &shares{limit: limit}
	for i := range s.classes {
		s.classes[i].limit = limit / classPart
		s.parties[i] = accounts{byParty: map[party.Party]*list.Element{}, recent: list.New(), limit: limit / classPart / partyPart}
	}
	return s
}

// room returns what is left for a party in a ledger that has used bytes, and whose first
// entry is first.
func (s *shares) room(p party.Party, used int64, first uint64) party.Room {
	if s.limit == 0 || p.Class == party.Trusted {
		return party.Enough
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	class := &s.classes[p.Class]
	class.remove(first)
	used += s.promised
	switch reserve := s.limit / reservePart; {
	case used >= s.limit-reserve/2:
		return party.LedgerFull
	case used >= s.limit-reserve || class.bytes >= class.limit:
		return party.ClassFull
	case s.parties[p.Class].bytes(p, first) >= s.parties[p.Class].limit:
		return party.PartyFull
	}
	return party.Enough
}

// promise counts the end of a fold that was begun, or no longer counts it.
func (s *shares) promise(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promised = max(0, s.promised+bytes)
}

// add counts an entry. It reports whether the account of the class should be saved.
func (s *shares) add(p party.Party, seq uint64, bytes int64) (save bool) {
	if s.limit == 0 || p.Class == party.Trusted {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parties[p.Class].of(p).add(seq, bytes)
	return s.classes[p.Class].add(seq, bytes)
}

// Room returns what is left of a party's share in the ledger.
func (d *Ledger) Room(p party.Party) party.Room {
	stats := d.ledger.Stats()
	letters := max(0, d.deadLetters.bytes()-d.deadLetters.share)
	return d.shares.room(p, stats.Bytes+letters, stats.First)
}

// ErrShareFull means that the share of a party is used up.
var ErrShareFull = errors.New("the share of the ledger is used up; WithMaxSize and the retention decide when there is more room")

// ShareError returns the error of a record for which its class's share has no room. It
// matches audit.ErrFull.
func ShareError(c party.Class) error {
	share := "events of anonymous clients"
	if c == party.Denied {
		share = "denials of authenticated actors"
	}
	return fmt.Errorf("%s: %w", share, errors.Join(ErrShareFull, audit.ErrFull))
}

// usable returns how many bytes of segments a ledger with a limit can hold. Only whole
// segments are removed and made.
func usable(l *ledger.Ledger, reserved int64) int64 {
	limits := l.Limits()
	if limits.Max == 0 {
		return 0
	}
	return max((limits.Max-reserved)/limits.Segment, 2) * limits.Segment
}

// openShares reads the accounts of the last process.
func (d *Ledger) openShares(dir string) {
	d.shares = newShares(usable(d.ledger, d.deadLetters.share))
	d.shareFile = newShareFile(dir)
	if d.shares.limit == 0 {
		return
	}
	if err := d.shareFile.load(d.shares); err != nil {
		d.logger.Warn("audit: the shares of a ledger cannot be read; what anonymous clients and denials have in it is not counted",
			slog.String("ledger", d.name), slog.Any("error", err))
	}
}

// stopAccounting stops the timers, and saves the accounts.
func (d *Ledger) stopAccounting() error {
	d.open.close()
	if d.shares.limit == 0 {
		return nil
	}
	d.shareFile.wait()
	return d.shareFile.save(d.shares)
}

// account counts the bytes of entries until the ledger has removed them.
type account struct {
	limit int64
	bytes int64
	spans []span
}

// span is what entries up to a sequence number take.
type span struct {
	Last  uint64 `json:"last"`
	Bytes int64  `json:"bytes"`
}

// maxSpans is the precision of an account: a span has at least this part of its limit, and
// is removed when its last entry is.
const maxSpans = 64

// add counts an entry. It reports whether that began a new span.
func (a *account) add(seq uint64, bytes int64) bool {
	a.bytes += bytes
	if n := len(a.spans); n > 0 && a.spans[n-1].Bytes < a.limit/maxSpans {
		last := &a.spans[n-1]
		last.Last, last.Bytes = max(last.Last, seq), last.Bytes+bytes
		return false
	}
	a.spans = append(a.spans, span{Last: seq, Bytes: bytes})
	return true
}

// remove forgets the spans before the ledger's first entry.
func (a *account) remove(first uint64) {
	n := 0
	for n < len(a.spans) && a.spans[n].Last < first {
		a.bytes -= a.spans[n].Bytes
		n++
	}
	a.spans = append(a.spans[:0], a.spans[n:]...)
}

// accounts are those of the parties that stored something most recently.
type accounts struct {
	limit   int64 // of each
	byParty map[party.Party]*list.Element
	recent  *list.List // of partyAccount, the most recent first
}

type partyAccount struct {
	party party.Party
	account
}

// accountOf returns what is in an element of recent.
func accountOf(e *list.Element) *partyAccount {
	return e.Value.(*partyAccount) //nolint:errcheck,forcetypeassert // nothing else is in it
}

// of returns the account of a party.
func (a *accounts) of(p party.Party) *account {
	if e := a.byParty[p]; e != nil {
		a.recent.MoveToFront(e)
		return &accountOf(e).account
	}
	if len(a.byParty) >= maxAccounts {
		oldest := a.recent.Back()
		delete(a.byParty, accountOf(oldest).party)
		a.recent.Remove(oldest)
	}
	n := &partyAccount{party: p, account: account{limit: a.limit}}
	a.byParty[p] = a.recent.PushFront(n)
	return &n.account
}

// bytes returns what a party has in a ledger whose first entry is first.
func (a *accounts) bytes(p party.Party, first uint64) int64 {
	e := a.byParty[p]
	if e == nil {
		return 0
	}
	n := accountOf(e)
	n.remove(first)
	return n.bytes
}
