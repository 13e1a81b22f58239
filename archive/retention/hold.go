package retention

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Hold blocks the removal of the records that match its filter: from ledgers, collections and
// archives. It is two objects of the archives' store, which are never changed.
type Hold struct {
	// Name identifies the hold. It must match record.NamePattern, and is never used again.
	Name string `json:"name"`
	// Filter selects the records. An empty one holds all of them. It must not have
	// Ascending, After or Limit.
	Filter query.Filter `json:"filter"`
	// Reason says why records are held. It is required.
	Reason string `json:"reason"`
	// Placed is when the hold was placed. Place sets it.
	Placed time.Time `json:"placed"`
	// Lifted is when the hold was lifted, and LiftReason why. They are zero while the hold
	// is in force.
	Lifted     time.Time `json:"lifted,omitzero"`
	LiftReason string    `json:"lift_reason,omitempty"`
}

// The names of the objects of a hold: holds/NAME/placed.json and holds/NAME/lifted.json.
const (
	holdPrefix = "holds/"
	placedName = "/placed.json"
	liftedName = "/lifted.json"
	maxHold    = 1 << 20 // size of the largest object of a hold, in bytes
)

// placedJSON and liftedJSON are the stored forms.
type (
	placedJSON struct {
		Event  audit.ID     `json:"event"` // of the event that records it
		Filter query.Filter `json:"filter"`
		Reason string       `json:"reason"`
		Time   time.Time    `json:"time"`
	}
	liftedJSON struct {
		Reason string    `json:"reason"`
		Time   time.Time `json:"time"`
	}
)

// ErrLifted means that a hold was lifted before.
var ErrLifted = errors.New("retention: the hold was lifted; place one with another name")

// ErrHeld means that there is a hold with the name already, for other records or for another
// reason.
var ErrHeld = errors.New("retention: there is another hold with this name")

// Place places a hold, and then records it as an event of the actor in ctx, with the action
// semconv.ActionHoldPlace. From then on no removal begins that the hold blocks; one that has
// begun may still end.
//
// Place does not know the stores. One that removes records by itself, such as a ledger with
// ledger.WithRetention or a collection with a time to live, would remove held ones too: see
// Collection and its CheckRetention.
//
// If Place returns an error, the hold may be in force. Call it again with the same hold: it
// then records the same event.
func Place(ctx context.Context, store archive.Store, t audit.Tracker, h Hold) error {
	switch {
	case !record.ValidName(h.Name):
		return fmt.Errorf("retention: the name of a hold must match %s", record.NamePattern)
	case strings.TrimSpace(h.Reason) == "":
		return errors.New("retention: a hold needs a reason")
	case h.Filter.Ascending, h.Filter.After != "", h.Filter.Limit != 0:
		return errors.New("retention: the filter of a hold must not have Ascending, After or Limit")
	}
	filter, err := json.Marshal(h.Filter)
	if err != nil {
		return err
	}
	stored := placedJSON{Event: audit.NewID(), Filter: h.Filter, Reason: h.Reason, Time: time.Now().UTC()}
	if err := putJSON(ctx, store, holdPrefix+h.Name+placedName, stored); errors.Is(err, fs.ErrExist) {
		stored = placedJSON{}
		if err := readJSON(ctx, store, holdPrefix+h.Name+placedName, &stored); err != nil {
			return err
		}
		same, err := json.Marshal(stored.Filter)
		switch lifted, liftErr := isLifted(ctx, store, h.Name); {
		case err != nil || liftErr != nil:
			return errors.Join(err, liftErr)
		case lifted:
			return fmt.Errorf("%w (%s)", ErrLifted, h.Name)
		case !bytes.Equal(same, filter) || stored.Reason != h.Reason:
			return fmt.Errorf("%w (%s)", ErrHeld, h.Name)
		}
	} else if err != nil {
		return err
	}
	return t.Track(ctx, audit.Event{
		ID: stored.Event, Time: stored.Time, Action: semconv.ActionHoldPlace, Operation: audit.OperationCreate, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: holdType, ID: h.Name}, Reason: h.Reason,
		Metadata: []attribute.KeyValue{semconv.TrailFilterKey.String(string(filter))},
	})
}

// Lift lifts a hold. The reason is required. It first records an attempt of the actor in ctx,
// with the action semconv.ActionHoldLift; if that fails, the hold stays in force. If the hold
// does not exist, the error matches fs.ErrNotExist, and if it was lifted before, ErrLifted.
func Lift(ctx context.Context, store archive.Store, t audit.Tracker, name, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return errors.New("retention: lifting a hold needs a reason")
	}
	var placed placedJSON
	if !record.ValidName(name) {
		return fmt.Errorf("retention: the name of a hold must match %s", record.NamePattern)
	}
	if err := readJSON(ctx, store, holdPrefix+name+placedName, &placed); err != nil {
		return err
	}
	switch lifted, err := isLifted(ctx, store, name); {
	case err != nil:
		return err
	case lifted:
		return fmt.Errorf("%w (%s)", ErrLifted, name)
	}
	filter, err := json.Marshal(placed.Filter)
	if err != nil {
		return err
	}
	event := audit.Event{
		Action: semconv.ActionHoldLift, Operation: audit.OperationDelete, Target: audit.Target{Type: holdType, ID: name}, Reason: reason,
		Metadata: []attribute.KeyValue{semconv.TrailFilterKey.String(string(filter))},
	}
	return audit.Do(ctx, t, event, func(ctx context.Context) error {
		return putJSON(ctx, store, holdPrefix+name+liftedName, liftedJSON{Reason: reason, Time: time.Now().UTC()})
	})
}

// Holds returns the holds in a store by name, those that were lifted too. If one cannot be
// read, the error says which; nothing should be removed then.
func Holds(ctx context.Context, store archive.Store) ([]Hold, error) {
	found := map[string]*Hold{}
	var names []string
	for o, err := range store.List(ctx, holdPrefix) {
		if err != nil {
			return nil, err
		}
		name, file, _ := strings.Cut(strings.TrimPrefix(o.Name, holdPrefix), "/")
		if found[name] == nil {
			found[name] = &Hold{Name: name}
			names = append(names, name)
		}
		if err := found[name].read(ctx, store, o.Name, "/"+file); err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	all := make([]Hold, len(names))
	for i, name := range names {
		all[i] = *found[name]
		if all[i].Placed.IsZero() {
			return nil, fmt.Errorf("retention: %s%s%s is missing; restore it", holdPrefix, name, placedName)
		}
	}
	return all, nil
}

// read adds what an object says.
func (h *Hold) read(ctx context.Context, store archive.Store, object, file string) error {
	switch file {
	case placedName:
		var stored placedJSON
		if err := readJSON(ctx, store, object, &stored); err != nil {
			return err
		}
		h.Filter, h.Reason, h.Placed = stored.Filter, stored.Reason, stored.Time
	case liftedName:
		var stored liftedJSON
		if err := readJSON(ctx, store, object, &stored); err != nil {
			return err
		}
		h.Lifted, h.LiftReason = stored.Time, stored.Reason
	default:
		return fmt.Errorf("retention: %s is no object of a hold; remove it", object)
	}
	return nil
}

func isLifted(ctx context.Context, store archive.Store, name string) (bool, error) {
	var b [1]byte
	_, err := store.ReadAt(ctx, holdPrefix+name+liftedName, b[:], 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err == nil, err
}

// putJSON stores an object.
func putJSON(ctx context.Context, store archive.Store, name string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	return store.Put(ctx, name, bytes.NewReader(b), int64(len(b)))
}

// readJSON reads an object, and rejects members that it does not know: a hold that is only
// half understood would hold other records.
func readJSON(ctx context.Context, store archive.Store, name string, to any) error {
	b := make([]byte, maxHold)
	n, err := store.ReadAt(ctx, name, b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b[:n]))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("retention: %s cannot be read, so nothing can be removed; restore it: %w", name, err)
	}
	return nil
}

// holds are the holds in force.
type holds struct {
	names    []string
	matchers []*query.Matcher
}

func loadHolds(ctx context.Context, store archive.Store) (*holds, error) {
	all, err := Holds(ctx, store)
	if err != nil {
		return nil, err
	}
	h := &holds{}
	for _, hold := range all {
		if !hold.Lifted.IsZero() {
			continue
		}
		m, err := query.NewMatcher(hold.Filter)
		if err != nil {
			return nil, fmt.Errorf("retention: hold %s: %w", hold.Name, err)
		}
		h.names, h.matchers = append(h.names, hold.Name), append(h.matchers, m)
	}
	return h, nil
}

// matching returns the name of a hold that matches a record, or "".
func (h *holds) matching(r *record.Record) string {
	for i, m := range h.matchers {
		if m.Matches(r) {
			return h.names[i]
		}
	}
	return ""
}

// same reports whether both are the same holds, which never change.
func (h *holds) same(other *holds) bool { return slices.Equal(h.names, other.names) }

// The types of the targets of events.
const (
	holdType    = "audit.hold"
	archiveType = "audit.archive"
	logType     = "audit.ledger"

	collectionType = "audit.collection"
)
