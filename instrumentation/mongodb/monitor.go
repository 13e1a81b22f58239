package auditmongo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/plumbing"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Monitor raises signals for the commands of one or more clients. It is safe for
// concurrent use.
type Monitor struct {
	tracker      audit.Tracker
	collections  []*collection
	byName       map[string][]*collection
	config       *config
	queue        *queue
	pending      pending
	transactions transactions
}

// NewMonitor returns a Monitor that tracks the signals of the collections with tracker.
// Call Shutdown when there are no further writes. The error joins everything that is
// invalid.
func NewMonitor(tracker audit.Tracker, collections []Collection, opts ...Option) (*Monitor, error) {
	var errs []error
	if tracker == nil {
		errs = append(errs, errors.New("the tracker is nil"))
	}
	validated, err := newCollections(collections)
	errs = append(errs, err)
	cfg, err := newConfig(opts)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("auditmongo: %w", err)
	}
	m := &Monitor{tracker: tracker, collections: validated, byName: make(map[string][]*collection), config: cfg}
	for _, c := range validated {
		m.byName[c.name] = append(m.byName[c.name], c)
	}
	m.queue = newQueue(cfg.queueSize, m.track)
	return m, nil
}

// CommandMonitor returns the monitor for SetMonitor of the driver's client options. Several
// clients may share it.
func (m *Monitor) CommandMonitor() *event.CommandMonitor {
	first := m.config.monitor
	return &event.CommandMonitor{
		Started: func(ctx context.Context, e *event.CommandStartedEvent) {
			if first.Started != nil {
				first.Started(ctx, e)
			}
			m.started(ctx, e)
		},
		Succeeded: func(ctx context.Context, e *event.CommandSucceededEvent) {
			if first.Succeeded != nil {
				first.Succeeded(ctx, e)
			}
			m.succeeded(ctx, e)
		},
		Failed: func(ctx context.Context, e *event.CommandFailedEvent) {
			if first.Failed != nil {
				first.Failed(ctx, e)
			}
			m.failed(e)
		},
	}
}

// Shutdown waits until the queued signals are tracked, and stops the monitor. If ctx ends
// first, the remaining signals are lost and reported, and the error says how many.
// Shutdown may be called again to wait for the last one.
//
// Signals of later writes are lost and reported too: call Shutdown after the last write
// and before the provider's Shutdown.
func (m *Monitor) Shutdown(ctx context.Context) error {
	return m.queue.shutdown(ctx, func(s signal) {
		s.done()
		m.lose(s, context.Cause(ctx))
	})
}

func (m *Monitor) started(ctx context.Context, e *event.CommandStartedEvent) {
	switch e.CommandName {
	case commandInsert, commandUpdate, commandDelete, commandFindAndModify, commandFindModify:
		c := m.find(e.DatabaseName, firstString(e.Command))
		if c == nil || plumbing.SignalsSuppressed(ctx) {
			return
		}
		w := newWrite(c, e.DatabaseName, e.CommandName, e.Command)
		m.expectReply(e, command{write: w})
	case commandBulkWrite:
		if bulk := m.bulkCollections(e.Command); len(bulk) > 0 && !plumbing.SignalsSuppressed(ctx) {
			m.expectReply(e, command{bulk: bulk})
		}
	case commandCommit:
		id := transactionOf(e.Command)
		m.transactions.markCommitSent(id)
		m.expectReply(e, command{commit: id})
	case commandAbort:
		m.transactions.take(transactionOf(e.Command))
	}
}

// expectReply keeps a command until its reply. If too many wait, the oldest is given up.
func (m *Monitor) expectReply(e *event.CommandStartedEvent, c command) {
	oldest, removed := m.pending.add(request{e.ConnectionID, e.RequestID}, c)
	if !removed {
		return
	}
	ctx := context.Background() // that of the oldest command was not kept
	switch {
	case oldest.write != nil:
		m.lose(signal{ctx: ctx, write: oldest.write}, ErrTooManyCommands)
	case oldest.bulk != nil:
		for _, collection := range oldest.bulk {
			m.reportUntracked(ctx, collection, commandBulkWrite, reasonSeveralDocuments)
		}
	default:
		for _, s := range m.transactions.take(oldest.commit) {
			m.lose(s, ErrInDoubt)
		}
	}
}

func (m *Monitor) succeeded(ctx context.Context, e *event.CommandSucceededEvent) {
	c, ok := m.takePending(&e.CommandFinishedEvent)
	if !ok {
		return
	}
	switch {
	case c.write != nil:
		m.finishWrite(ctx, c.write, e.Reply)
	case c.bulk != nil:
		for _, collection := range c.bulk {
			m.reportUntracked(ctx, collection, e.CommandName, reasonSeveralDocuments)
		}
	default:
		for _, s := range m.transactions.take(c.commit) {
			m.enqueue(s)
		}
	}
}

func (m *Monitor) failed(e *event.CommandFailedEvent) {
	c, ok := m.takePending(&e.CommandFinishedEvent)
	switch unanswered := mongo.IsNetworkError(e.Failure); {
	case !ok:
	case c.write != nil && unanswered:
		c.write.collection.counters.unanswered.Add(1)
	case c.commit.session != "" && !unanswered && isTransient(e.Failure):
		m.transactions.take(c.commit) // the transaction was aborted
	}
}

// takePending removes and returns the command of an event.
func (m *Monitor) takePending(e *event.CommandFinishedEvent) (command, bool) {
	switch e.CommandName {
	case commandInsert, commandUpdate, commandDelete, commandFindAndModify, commandFindModify,
		commandBulkWrite, commandCommit:
		return m.pending.take(request{e.ConnectionID, e.RequestID})
	}
	return command{}, false
}

// isTransient reports whether the error's label says that the transaction had no effect
// and may be retried as a whole.
func isTransient(err error) bool {
	labeled, ok := errors.AsType[mongo.LabeledError](err)
	return ok && labeled.HasErrorLabel("TransientTransactionError")
}

// finishWrite raises the signal of a write that the server replied to, if it has one. In a
// transaction the signal waits for the commit.
func (m *Monitor) finishWrite(ctx context.Context, w *write, raw bson.Raw) {
	e, reason, ok := w.event(raw)
	switch {
	case ok && w.transaction != transaction{}:
		for _, s := range m.transactions.add(w.transaction, signal{ctx: ctx, write: w, event: e}) {
			m.lose(s, ErrInDoubt)
		}
	case ok:
		m.enqueue(signal{ctx: ctx, write: w, event: e})
	case reason != "":
		m.reportUntracked(ctx, w.collection, w.command, reason)
	}
}

// enqueue passes a signal to the queue. The scope of the write, if it is open, waits for
// the signal.
func (m *Monitor) enqueue(s signal) {
	s.event.Time = time.Now()
	s.done = plumbing.Expect(audit.ScopeFromContext(s.ctx))
	if err := m.queue.add(s); err != nil {
		s.done()
		m.lose(s, err)
	}
}

// track runs in the queue's goroutines. It removes the session from the context, since the
// provider's writes are not part of the application's transaction, and a session must not
// be used by two goroutines.
func (m *Monitor) track(s signal) {
	defer s.done()
	ctx := mongo.NewSessionContext(context.WithoutCancel(s.ctx), nil)
	if err := m.tracker.Track(ctx, s.event); err != nil {
		m.reportLost(s, err)
		return
	}
	s.write.collection.counters.tracked.Add(1)
}

// lose reports a signal that no tracker got, and counts it in the records of sdk.WithGapRecords.
func (m *Monitor) lose(s signal, err error) {
	plumbing.CountLoss(m.tracker, plumbing.LossMonitor, 1)
	m.reportLost(s, err)
}

func (m *Monitor) reportLost(s signal, err error) {
	s.write.collection.counters.lost.Add(1)
	m.config.errorHandler(s.ctx, &LostError{
		Database: s.write.database, Collection: s.write.collection.name, Command: s.write.command, Err: err,
	})
}

func (m *Monitor) reportUntracked(ctx context.Context, c *collection, command, reason string) {
	c.counters.untracked.Add(1)
	c.logUntracked.Do(func() {
		m.config.logger.WarnContext(ctx, "writes like this raise no audit signal; record an intent for them (logged once for each collection)",
			slog.String("collection", c.name), slog.String("command", command), slog.String("reason", reason))
	})
}

// find returns the selected collection with the name, or nil. One that specifies the
// database takes precedence.
func (m *Monitor) find(database string, name []byte) *collection {
	var anyDatabase *collection
	for _, c := range m.byName[string(name)] { // this conversion allocates nothing
		if c.database == database {
			return c
		}
		if c.database == "" {
			anyDatabase = c
		}
	}
	return anyDatabase
}

// bulkCollections returns the selected collections in a bulkWrite command.
func (m *Monitor) bulkCollections(command bson.Raw) []*collection {
	spaces, ok := command.Lookup("nsInfo").ArrayOK()
	if !ok {
		return nil
	}
	values, err := spaces.Values()
	if err != nil {
		return nil
	}
	var found []*collection
	for _, v := range values {
		space, ok := v.DocumentOK()
		if !ok {
			continue
		}
		name, _ := space.Lookup("ns").StringValueOK()
		database, name, _ := strings.Cut(name, ".")
		if c := m.find(database, []byte(name)); c != nil {
			found = append(found, c)
		}
	}
	return found
}

// firstString returns the first value of a document if it is a string, or nil. In a write
// command it is the name of the collection. Nothing else is read, so that commands on
// other collections stay cheap.
func firstString(document bson.Raw) []byte {
	const header = 4
	if len(document) <= header || bson.Type(document[header]) != bson.TypeString {
		return nil
	}
	_, rest, ok := bytes.Cut(document[header+1:], []byte{0})
	if !ok || len(rest) < header {
		return nil
	}
	length := binary.LittleEndian.Uint32(rest)
	rest = rest[header:]
	if length == 0 || uint64(length) > uint64(len(rest)) {
		return nil
	}
	return rest[:length-1]
}
