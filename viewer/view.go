package viewer

import (
	"errors"

	"github.com/opendeed/audit/query"
)

// View limits what somebody sees. What it hides is not shown, searched, counted or exported.
//
//	viewer.View{All: true}                                          // everything
//	viewer.View{Within: query.Filter{Tenants: []string{"acme"}}}    // a customer's own trail
//
// The zero View shows nothing.
type View struct {
	// Within selects the records that may be seen, such as those of a tenant, of targets or of
	// actions. Its After, Limit and Ascending must be empty. If it has Targets or TargetTypes,
	// other targets that these records name are hidden.
	Within query.Filter
	// All shows all records. Without it, a Within that is empty shows none.
	All bool

	// Fields are patterns, as in policy.Match, for the paths of the fields that are shown, such
	// as "reason", "changes.*" or "metadata.client.address". Empty means all of them. ID, time,
	// action, operation, outcome, kind, attempt, and type and ID of actor and target are always
	// shown: to hide such a record, limit Within.
	Fields []string
	// Hidden are patterns for the paths of fields that are hidden, even if Fields has them. One
	// for a field of the actor also hides it of those on whose behalf the actor acts, and one for
	// metadata also hides values that were replaced under the same key.
	Hidden []string
}

// ErrNothing is the error of a View that shows nothing.
var ErrNothing = errors.New("viewer: the View shows nothing; set Within, or All to show every record")

// validate returns an error for a View that cannot be meant.
func (v *View) validate() error {
	empty, err := query.Filter{}.MarshalJSON()
	if err != nil {
		return err
	}
	within, err := v.Within.MarshalJSON()
	switch {
	case err != nil:
		return err
	case string(within) == string(empty) && !v.All:
		return ErrNothing
	case v.Within.Limit != 0 || v.Within.After != "" || v.Within.Ascending:
		return &query.FilterError{Field: "After", Reason: "a View must not have After, Limit or Ascending"}
	}
	return nil
}
