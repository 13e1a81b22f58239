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
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Monitor raises signals from the commands of one or more clients. It is safe for
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

// NewMonitor returns a monitor that tracks the signals of the collections by the
// tracker. Its error lists all that is wrong. It starts a goroutine, which Shutdown
// ends.
func NewMonitor(tracker audit.Tracker, opted []Collection, opts ...Option) (*Monitor, error) {
	var errs []error
	if tracker == nil {
		errs = append(errs, errors.New("the tracker is nil"))
	}
	collections, err := newCollections(opted)
	errs = append(errs, err)
	c, err := newConfig(opts)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("auditmongo: %w", err)
	}
	m := &Monitor{tracker: tracker, collections: collections, byName: make(map[string][]*collection), config: c}
	for _, opted := range collections {
		m.byName[opted.name] = append(m.byName[opted.name], opted)
	}
	m.queue = newQueue(c.queueSize, m.track)
	return m, nil
}

// CommandMonitor returns what options.ClientOptions.SetMonitor takes.
func (m *Monitor) CommandMonitor() *event.CommandMonitor {
	next := m.config.next
	return &event.CommandMonitor{
		Started: func(ctx context.Context, e *event.CommandStartedEvent) {
			if next.Started != nil {
				next.Started(ctx, e)
			}
			m.started(ctx, e)
		},
		Succeeded: func(ctx context.Context, e *event.CommandSucceededEvent) {
			if next.Succeeded != nil {
				next.Succeeded(ctx, e)
			}
			m.succeeded(ctx, e)
		},
		Failed: func(ctx context.Context, e *event.CommandFailedEvent) {
			if next.Failed != nil {
				next.Failed(ctx, e)
			}
			m.failed(e)
		},
	}
}

// Shutdown tracks the signals that wait. If ctx ends before that, the rest is lost,
// reported, and the error says how many. Signals of later writes are lost and
// reported too: stop writing first, and shut the provider down afterwards.
func (m *Monitor) Shutdown(ctx context.Context) error {
	return m.queue.shutdown(ctx, func(s signal) {
		s.done()
		m.lost(s, context.Cause(ctx))
	})
}

func (m *Monitor) started(ctx context.Context, e *event.CommandStartedEvent) {
	switch e.CommandName {
	case commandInsert, commandUpdate, commandDelete, commandFindAndModify, commandFindModify:
		c := m.find(e.DatabaseName, firstString(e.Command))
		if c == nil || audit.SignalsSuppressed(ctx) {
			return
		}
		w := newWrite(c, e.DatabaseName, e.CommandName, e.Command)
		if !m.pending.add(request{e.ConnectionID, e.RequestID}, command{write: w}) {
			m.lost(signal{ctx: ctx, write: w}, ErrTooManyCommands)
		}
	case commandBulkWrite:
		if bulk := m.bulkOf(e.Command); len(bulk) > 0 && !audit.SignalsSuppressed(ctx) {
			m.pending.add(request{e.ConnectionID, e.RequestID}, command{bulk: bulk})
		}
	case commandCommit:
		id := transactionOf(e.Command)
		m.transactions.ask(id)
		m.pending.add(request{e.ConnectionID, e.RequestID}, command{commit: id})
	case commandAbort:
		m.transactions.take(transactionOf(e.Command))
	}
}

func (m *Monitor) succeeded(ctx context.Context, e *event.CommandSucceededEvent) {
	c, ok := m.answered(&e.CommandFinishedEvent)
	if !ok {
		return
	}
	switch {
	case c.write != nil:
		m.settle(ctx, c.write, e.Reply)
	case c.bulk != nil:
		for _, collection := range c.bulk {
			m.untracked(ctx, collection, e.CommandName, severalDocuments)
		}
	default:
		for _, s := range m.transactions.take(c.commit) {
			m.raise(s)
		}
	}
}

func (m *Monitor) failed(e *event.CommandFailedEvent) {
	c, ok := m.answered(&e.CommandFinishedEvent)
	switch unanswered := mongo.IsNetworkError(e.Failure); {
	case !ok:
	case c.write != nil && unanswered:
		c.write.collection.counters.unanswered.Add(1)
	case c.commit.session != "" && !unanswered && isTransient(e.Failure):
		m.transactions.take(c.commit) // it was aborted
	}
}

// answered returns what is known of the command that has ended.
func (m *Monitor) answered(e *event.CommandFinishedEvent) (command, bool) {
	switch e.CommandName {
	case commandInsert, commandUpdate, commandDelete, commandFindAndModify, commandFindModify,
		commandBulkWrite, commandCommit:
		return m.pending.take(request{e.ConnectionID, e.RequestID})
	}
	return command{}, false
}

// isTransient reports whether the server says that a transaction has no effect and may
// be tried as a whole again.
func isTransient(err error) bool {
	labeled, ok := errors.AsType[mongo.LabeledError](err)
	return ok && labeled.HasErrorLabel("TransientTransactionError")
}

// settle raises the signal of a write that has succeeded, if it has one.
func (m *Monitor) settle(ctx context.Context, w *write, reply bson.Raw) {
	e, reason, ok := w.event(reply)
	switch {
	case ok && w.transaction != transaction{}:
		for _, s := range m.transactions.add(w.transaction, signal{ctx: ctx, write: w, event: e}) {
			m.lost(s, ErrInDoubt)
		}
	case ok:
		m.raise(signal{ctx: ctx, write: w, event: e})
	case reason != "":
		m.untracked(ctx, w.collection, w.command, reason)
	}
}

// raise hands a signal on to be tracked. The scope of the write waits for it, if it
// has not ended.
func (m *Monitor) raise(s signal) {
	s.event.Time = time.Now()
	s.done = audit.ScopeFromContext(s.ctx).Expect()
	if err := m.queue.put(s); err != nil {
		s.done()
		m.lost(s, err)
	}
}

// track runs in the queue's goroutine. The session of the write stays with the
// application's: what the provider writes is not part of its transaction, and a
// session is not for two goroutines.
func (m *Monitor) track(s signal) {
	defer s.done()
	ctx := mongo.NewSessionContext(context.WithoutCancel(s.ctx), nil)
	if err := m.tracker.Track(ctx, s.event); err != nil {
		m.lost(s, err)
		return
	}
	s.write.collection.counters.tracked.Add(1)
}

func (m *Monitor) lost(s signal, err error) {
	s.write.collection.counters.lost.Add(1)
	m.config.errorHandler(s.ctx, &LostError{
		Database: s.write.database, Collection: s.write.collection.name, Command: s.write.command, Err: err,
	})
}

func (m *Monitor) untracked(ctx context.Context, c *collection, command, reason string) {
	c.counters.untracked.Add(1)
	c.logUntracked.Do(func() {
		m.config.logger.WarnContext(ctx, "writes of this form leave no audit signal, here and later; state an intent for them",
			slog.String("collection", c.name), slog.String("command", command), slog.String("reason", reason))
	})
}

// find returns the collection if it was opted in.
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

// bulkOf returns the collections of a bulkWrite that were opted in.
func (m *Monitor) bulkOf(command bson.Raw) []*collection {
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

// firstString returns the value of a document's first member if it is a string: the
// name of a write's collection. It looks at no more than that, for the sake of the
// commands that are none of ours.
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
