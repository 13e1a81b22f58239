package auditmongo

import (
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxInTransactions is how many signals wait for a commit at most.
const maxInTransactions = 10_000

// transaction names one: by the session, and by its number there.
type transaction struct {
	session string // empty outside of a transaction
	number  int64
}

// transactionOf returns the one that a command belongs to.
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

// transactions keeps the signals of writes that were made in a transaction and not
// committed yet. A session has one transaction at a time.
type transactions struct {
	mu    sync.Mutex
	open  map[string]*openTransaction // by session
	count int                         // of signals
	age   uint64
}

type openTransaction struct {
	number  int64
	signals []signal
	asked   bool   // a commit was sent whose answer is not known
	age     uint64 // the lower, the older
}

// add keeps a signal. It returns the signals of which it is not, and will not be,
// known whether they were committed: of an earlier transaction of the session that was
// left in doubt, or of the oldest one where there are too many.
func (t *transactions) add(id transaction, s signal) (doubtful []signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.open[id.session]
	if o == nil || o.number != id.number {
		if o != nil && o.asked {
			doubtful = o.signals
		}
		t.remove(id.session)
		t.age++
		o = &openTransaction{number: id.number, age: t.age}
		if t.open == nil {
			t.open = make(map[string]*openTransaction)
		}
		t.open[id.session] = o
	}
	o.signals = append(o.signals, s)
	t.count++
	if t.count > maxInTransactions {
		doubtful = append(doubtful, t.removeOldest()...)
	}
	return doubtful
}

// ask notes that a commit is under way.
func (t *transactions) ask(id transaction) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.open[id.session]; o != nil && o.number == id.number {
		o.asked = true
	}
}

// take returns the signals of a transaction that is over.
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
		if oldest == nil || o.age < oldest.age {
			session, oldest = s, o
		}
	}
	return t.remove(session)
}
