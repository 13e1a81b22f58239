package policy

import "slices"

// Rule says what holds for the events, or the requests, that meet it. It is data: a
// configuration may hold it.
type Rule struct {
	// Name tells the rule from others, in errors and dry runs. It is required.
	Name string `json:"name" yaml:"name"`

	// Actions are patterns of actions: "payout.*".
	Actions []string `json:"actions,omitempty" yaml:"actions,omitempty"`
	// Targets are patterns of the target's type.
	Targets []string `json:"targets,omitempty" yaml:"targets,omitempty"`
	// ActorTypes are words: user, service, system, anonymous, unresolved.
	ActorTypes []string `json:"actor_types,omitempty" yaml:"actor_types,omitempty"`
	// Channels are patterns of channels.
	Channels []string `json:"channels,omitempty" yaml:"channels,omitempty"`

	// Require lists what an intent must have: reason, target, target.name, tenant,
	// channel, outcome, changes or metadata.KEY. One that lacks something is refused
	// with a *audit.ValidationError.
	Require []string `json:"require,omitempty" yaml:"require,omitempty"`
	// RequireActorTypes lists who may act: user, service, system, anonymous. An intent of
	// others is refused with a *audit.ValidationError. It allows nothing: anonymous needs
	// the provider's leave as well. A log-in that failed and access.denied may be
	// anonymous nevertheless, as with RefuseAnonymous.
	RequireActorTypes []string `json:"require_actor_types,omitempty" yaml:"require_actor_types,omitempty"`
	// RefuseAnonymous takes back what sdk.WithAnonymous allows: an intent with an
	// anonymous actor, be it who acted or for whom, is refused with
	// audit.ErrAnonymousNotAllowed. It does not refuse what needs no leave
	// ([NeedsNoLeave]): who is turned away must not be able to keep that out of the
	// trail.
	RefuseAnonymous bool `json:"refuse_anonymous,omitempty" yaml:"refuse_anonymous,omitempty"`
	// Changes is how much of the changes is recorded. Empty is ChangesRecord.
	Changes Changes `json:"changes,omitempty" yaml:"changes,omitempty"`
	// Exporters are the names of those that get the record; NoExporter alone keeps it in
	// the ledger and sends it nowhere. Not given means all. A ledger stores every record.
	Exporters []string `json:"exporters,omitempty" yaml:"exporters,omitempty"`

	// Methods are HTTP methods: "GET". They and Routes are for rules about requests.
	Methods []string `json:"methods,omitempty" yaml:"methods,omitempty"`
	// Routes are patterns of routes, as the middleware knows them: "/articles/*".
	Routes []string `json:"routes,omitempty" yaml:"routes,omitempty"`
	// Cover says that a request which succeeds must leave an event.
	Cover bool `json:"cover,omitempty" yaml:"cover,omitempty"`
	// Exempt says that a request need not leave an event, and why.
	Exempt string `json:"exempt,omitempty" yaml:"exempt,omitempty"`
}

// Changes is how much of an event's changes is recorded.
type Changes string

const (
	// ChangesRecord records them as they are.
	ChangesRecord Changes = "record"
	// ChangesFields records which fields changed: every change keeps its field, has
	// neither an old nor a new value, and is Redacted. The record's Redacted lists it:
	// "changes.FIELD".
	ChangesFields Changes = "fields"
	// ChangesSome records only that there were some: there are no changes in the record,
	// and its Redacted lists "changes".
	ChangesSome Changes = "some"
)

// NoExporter stands in Rule.Exporters for none.
const NoExporter = "none"

// clone returns a copy that shares nothing.
func (r Rule) clone() Rule {
	for _, list := range [...]*[]string{
		&r.Actions, &r.Targets, &r.ActorTypes, &r.Channels, &r.Require, &r.RequireActorTypes, &r.Exporters, &r.Methods, &r.Routes,
	} {
		*list = slices.Clone(*list)
	}
	return r
}

// AboutRequests reports whether the rule is about requests, not about events.
func (r *Rule) AboutRequests() bool { return r.Cover || r.Exempt != "" }
