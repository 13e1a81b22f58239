package auditrepo

import (
	"errors"
	"fmt"

	"github.com/opendeed/audit"
)

// Config says what the values of a store are to the trail. T is the type of the
// values, ID that of their ids.
//
// Its functions are called by every call of a store, concurrently, and not with a nil
// value. One that panics costs the record what it was to say, and the caller gets a
// [TrackError].
type Config[T any, ID comparable] struct {
	// Type is the type of the target, e.g. "article", and the first word of the
	// actions: "article.update". It is required.
	Type string
	// ID returns the id of a value. It is required.
	ID func(value T) ID
	// FormatID writes an id as the target has it, which must be how the signals of the
	// data layer beneath have it. By default a string is as it is, an integer is in
	// decimal digits, and an encoding.TextMarshaler, such as a UUID or an ObjectID, is
	// its text. Other types of ids need it.
	FormatID func(id ID) string
	// Name returns what people call the value, for the name of the target. It is
	// optional.
	Name func(value T) string
	// Diff has the options of the diffs, such as audit.WithFields for a T that cannot
	// carry tags.
	Diff []audit.DiffOption
	// Clone returns a copy of a value that no change to the original reaches, for a
	// store that keeps what it returned and changes it in place. The default copies
	// what is exported, at any depth; what unexported fields refer to is shared with
	// the original. Set it where a sensitive field refers to such, or for speed.
	Clone func(value T) T
	// Denied reports whether an error means that the call was refused for lack of
	// authority. The default asks for fs.ErrPermission.
	Denied func(err error) bool
	// Reads says that a decorated store's Get is recorded, too.
	Reads bool
}

// Auditor decorates stores, and states the intents of what decorators don't fit. It
// does not change, and may be used concurrently.
type Auditor[T any, ID comparable] struct {
	tracker  audit.Tracker
	config   Config[T, ID]
	formatID func(ID) (string, error)
	past     *past[T]
}

// New returns an Auditor whose events go to tracker. The error says what is wrong with
// config, or with the audit tags of T.
func New[T any, ID comparable](tracker audit.Tracker, config Config[T, ID]) (*Auditor[T, ID], error) {
	switch {
	case tracker == nil:
		return nil, errors.New("auditrepo: New needs a tracker")
	case !audit.ValidAction(audit.NormalizeAction(config.Type + ".update")):
		return nil, errors.New("auditrepo: Config.Type must begin with a letter and be made of letters, digits and underscores, as in article")
	case config.ID == nil:
		return nil, errors.New("auditrepo: Config.ID must say how to get at the id of a value")
	}
	a := &Auditor[T, ID]{tracker: tracker, config: config}
	if format := config.FormatID; format != nil {
		a.formatID = func(id ID) (string, error) { return format(id), nil }
	} else {
		var err error
		if a.formatID, err = idText[ID](); err != nil {
			return nil, err
		}
	}
	if a.config.Denied == nil {
		a.config.Denied = isPermission
	}
	if _, err := audit.Diff[*T](nil, nil, config.Diff...); err != nil {
		return nil, fmt.Errorf("auditrepo: Config.Diff and the audit tags: %w", err)
	}
	var err error
	if a.past, err = newPast(config.Clone, config.Diff); err != nil {
		return nil, err
	}
	return a, nil
}
