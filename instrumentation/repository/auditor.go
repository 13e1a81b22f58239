package auditrepo

import (
	"errors"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/internal/names"
)

// Config describes the values of a store. T is the type of the values, ID the type of
// their ids.
//
// Stores call its functions concurrently and never with a nil value. If a function
// panics, the record lacks what the function should have returned, and the caller gets a
// [TrackError]; the store is called all the same.
type Config[T any, ID comparable] struct {
	// TargetType is the type of the events' target, such as "article", and the first
	// word of their actions, as in "article.update". It starts with a letter of a-z; in
	// actions, what they cannot have becomes an underscore, as in "bank_account.update" for
	// "bank-account". It is required.
	TargetType string
	// ID returns the id of a value. It is required.
	ID func(value T) ID
	// FormatID returns the text of an id for the target. It must agree with the signals
	// of the data layer below the store, or events don't cover them. By default strings
	// are used as they are, integers are written in decimal, and an
	// encoding.TextMarshaler, such as a UUID or an ObjectID, provides its text. It is
	// required for every other ID type.
	FormatID func(id ID) string
	// Name returns the display name of a value, for the name of the target. It is
	// optional.
	Name func(value T) string
	// DiffOptions are passed to audit.Diff, such as diff.WithFields for a T whose
	// fields cannot have tags. New keeps the slice.
	DiffOptions []diff.Option
	// Clone returns a copy of a value that later changes to the original don't affect,
	// for stores that change returned values in place. The default copies exported
	// fields at any depth; what unexported fields refer to stays shared with the
	// original. Set Clone if a sensitive field refers to such data, or for speed.
	Clone func(value T) T
	// Denied reports whether an error of the store means that the caller lacked
	// permission. The outcome is then denied instead of failure. The default is
	// errors.Is(err, fs.ErrPermission).
	Denied func(err error) bool
	// ReadAfter makes decorators read the value again with Get after a write that returned
	// none, with the same context. Otherwise, and if Get fails, the changes are those that
	// were asked for, and the record marks them so: a store may write less, or fill fields
	// by itself.
	ReadAfter bool
	// RecordReads makes Store and ValueStore record Get, too: each call as an intent, without
	// which the caller gets no value.
	RecordReads bool
	// Reads makes Store and ValueStore note what Get returned, so that a request has one
	// record of what was seen: see [Auditor.Reader]. It also applies to [Auditor.List] and the
	// like. It cannot be used with RecordReads.
	Reads *Reads
}

// Auditor decorates stores, and records single calls with Do. It is immutable and safe
// for concurrent use.
type Auditor[T any, ID comparable] struct {
	tracker   audit.Tracker
	config    Config[T, ID]
	formatID  func(ID) (string, error)
	snapshots *snapshotter[T]
	sampler   sampler
}

// New returns an Auditor that tracks its events with tracker. It fails if config or the
// audit tags of T are invalid.
func New[T any, ID comparable](tracker audit.Tracker, config Config[T, ID]) (*Auditor[T, ID], error) {
	switch {
	case tracker == nil:
		return nil, errors.New("auditrepo: the tracker is nil")
	case !validTargetType(config.TargetType):
		return nil, errors.New("auditrepo: no valid action can be made of Config.TargetType; use lowercase letters, digits and underscores, with a letter first, as in article")
	case config.ID == nil:
		return nil, errors.New("auditrepo: Config.ID is nil; set it to a function that returns the id of a value")
	case config.RecordReads && config.Reads != nil:
		return nil, errors.New("auditrepo: Config.RecordReads and Config.Reads are two ways to record reads; set one of them")
	}
	a := &Auditor[T, ID]{tracker: tracker, config: config}
	if format := config.FormatID; format != nil {
		a.formatID = func(id ID) (string, error) { return format(id), nil }
	} else {
		var err error
		if a.formatID, err = defaultFormatID[ID](); err != nil {
			return nil, err
		}
	}
	if a.config.Denied == nil {
		a.config.Denied = isPermission
	}
	if _, err := audit.Diff[*T](nil, nil, config.DiffOptions...); err != nil {
		return nil, fmt.Errorf("auditrepo: Config.DiffOptions or the audit tags: %w", err)
	}
	var err error
	if a.sampler, err = newSampler(config.TargetType, config.Reads); err != nil {
		return nil, err
	}
	if a.snapshots, err = newSnapshotter(config.Clone, config.DiffOptions); err != nil {
		return nil, err
	}
	return a, nil
}

func validTargetType(targetType string) bool {
	_, ok := names.ActionOn(targetType, audit.OperationUpdate.String())
	return ok
}
