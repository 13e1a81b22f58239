package auditmongo

import (
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxInTransactions limits the signals that wait for a commit.
const maxInTransactions = 10_000

// transaction identifies a transaction by its session and its number in the session.
type transaction struct {
	session string // empty outside of a transaction
	number  int64
}

// transactionOf returns the transaction that a command belongs to.
func transactionOf(command bson.Raw) transaction {
	autocommit, ok := command.Lookup("autocommit").BooleanOK()
	if !ok || autocommit {
		return transaction{}
	}
	session, ok := command.Lookup("lsid").DocumentOK()
	if !ok {
		return transaction{}
	}
	number, _ := command.Lookup("txnNumber").AsInt64OK()
	return transaction{session: string(session), number: number}
}

// transactions holds the signals of writes in transactions until the commit. A session
// has one transaction at a time.
type transactions struct {
	mu       sync.Mutex
	open     map[string]*openTransaction // by session
	count    int                         // of signals
	sequence uint64                      // of the newest transaction
}

type openTransaction struct {
	number     int64
	signals    []signal
	commitSent bool // a commit was sent whose result is unknown
	sequence   uint64
}

// add holds a signal. It returns signals that it released because they are in doubt:
// those of an earlier transaction in the session whose commit got no reply, or those of
// the oldest transaction if there are too many signals.
func (t *transactions) add(id transaction, s signal) (inDoubt []signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.open[id.session]
	if o == nil || o.number != id.number {
		if o != nil && o.commitSent {
			inDoubt = o.signals
		}
		t.remove(id.session)
		t.sequence++
		o = &openTransaction{number: id.number, sequence: t.sequence}
		if t.open == nil {
			t.open = make(map[string]*openTransaction)
		}
		t.open[id.session] = o
	}
	o.signals = append(o.signals, s)
	t.count++
	if t.count > maxInTransactions {
		inDoubt = append(inDoubt, t.removeOldest()...)
	}
	return inDoubt
}

// markCommitSent records that a commit was sent.
func (t *transactions) markCommitSent(id transaction) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.open[id.session]; o != nil && o.number == id.number {
		o.commitSent = true
	}
}

// take removes a transaction that has ended, and returns its signals.
func (t *transactions) take(id transaction) []signal {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.open[id.session]; o == nil || o.number != id.number {
		return nil
	}
	return t.remove(id.session)
}

func (t *transactions) remove(session string) []signal {
	o := t.open[session]
	if o == nil {
		return nil
	}
	delete(t.open, session)
	t.count -= len(o.signals)
	return o.signals
}

func (t *transactions) removeOldest() []signal {
	var session string
	var oldest *openTransaction
	for s, o := range t.open {
		if oldest == nil || o.sequence < oldest.sequence {
			session, oldest = s, o
		}
	}
	return t.remove(session)
}
