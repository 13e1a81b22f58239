package gaps

import (
	"context"
	"log/slog"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Config configures an Epoch.
type Config struct {
	Counts   *Counts
	Interval time.Duration
	Source   string // semconv.EpochSourceKey; empty without a ledger
	Actor    string // the ID of the system actor of the records
	Logger   *slog.Logger
	// Record stores an event. It returns when ctx has ended, or a timeout of its own.
	Record func(ctx context.Context, e *audit.Event) error
}

// Epoch records the counts of a provider: when it is opened, at each interval in which they have
// changed, and when it is closed. The methods of a nil *Epoch do nothing.
type Epoch struct {
	Config
	id     audit.ID
	began  time.Time
	life   context.Context // ends when the goroutine must stop
	stop   context.CancelFunc
	done   chan struct{} // closed when the goroutine has returned
	turn   chan struct{} // has an element while a record is made
	opened bool          // guarded by turn, as are the next two
	closed bool
	last   attribute.Set // the counts that are recorded
}

// Open opens an epoch. If its first record cannot be stored, it is made later.
func Open(c Config) *Epoch {
	e := &Epoch{Config: c, id: audit.NewID(), began: time.Now(), done: make(chan struct{}), turn: make(chan struct{}, 1)}
	e.life, e.stop = context.WithCancel(context.Background())
	e.report(e.Flush(e.life))
	go e.loop()
	return e
}

// loop runs in its own goroutine.
func (e *Epoch) loop() {
	defer close(e.done)
	ticker := time.NewTicker(e.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			e.report(e.Flush(e.life))
		case <-e.life.Done():
			return
		}
	}
}

func (e *Epoch) report(err error) {
	if err != nil && e.life.Err() == nil {
		e.Logger.Warn("audit: the counts of events could not be recorded; the next record has them too", slog.Any("error", err))
	}
}

// Flush records the counts if they have changed.
func (e *Epoch) Flush(ctx context.Context) error {
	if e == nil {
		return nil
	}
	return e.record(ctx, semconv.ActionEpochCount)
}

// Close records the last counts. All says that nothing is left to be counted: otherwise the epoch
// stays open, because its counts may be too low. Close is called once.
func (e *Epoch) Close(ctx context.Context, all bool) error {
	if e == nil {
		return nil
	}
	e.stop()
	action := semconv.ActionEpochCount
	if all {
		action = semconv.ActionEpochClose
	}
	err := e.record(ctx, action)
	select {
	case <-e.done:
	case <-ctx.Done():
	}
	return err
}

// Amend stores the closing record once more if the counts have changed since Close, which has
// returned: the exporters of a ledger may make dead letters until they stop.
func (e *Epoch) Amend(record func(e *audit.Event) error) error {
	if e == nil {
		return nil
	}
	select {
	case e.turn <- struct{}{}:
	default:
		return nil // an earlier record hangs
	}
	defer func() { <-e.turn }()
	event, counts := e.event(semconv.ActionEpochClose)
	if !e.closed || e.last.Equals(&counts) {
		return nil
	}
	return record(event)
}

// record stores a record of the epoch, after the one that opens it.
func (e *Epoch) record(ctx context.Context, action string) error {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.turn }()
	if !e.opened {
		opening, _ := e.event(semconv.ActionEpochOpen)
		opening.Time, opening.Metadata = e.began, e.describe(nil)
		if err := e.Record(ctx, opening); err != nil {
			return err
		}
		e.opened = true
		e.last = attribute.NewSet(NewCounts().metadata()...)
	}
	event, counts := e.event(action)
	if action == semconv.ActionEpochCount && e.last.Equals(&counts) {
		return nil
	}
	if err := e.Record(ctx, event); err != nil {
		return err
	}
	e.last, e.closed = counts, action == semconv.ActionEpochClose
	return nil
}

// event returns the event of a record, and the counts that it has. They are read after its time,
// so that none of what was counted before is missing.
func (e *Epoch) event(action string) (*audit.Event, attribute.Set) {
	now := time.Now()
	counts := e.Counts.metadata()
	return &audit.Event{
		Time: now, Action: action, Actor: audit.System(e.Actor), Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: semconv.TargetEpoch, ID: e.id.String()}, Metadata: e.describe(counts),
	}, attribute.NewSet(counts...)
}

// describe returns the metadata with what they say of the epoch.
func (e *Epoch) describe(metadata []attribute.KeyValue) []attribute.KeyValue {
	metadata = append(metadata, semconv.EpochOpenedKey.String(e.began.UTC().Format(time.RFC3339Nano)))
	if e.Source != "" {
		metadata = append(metadata, semconv.EpochSourceKey.String(e.Source))
	}
	return metadata
}
