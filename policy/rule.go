package policy

import "slices"

// Rule says what applies to the events, or the requests, that it matches. It is plain
// data, which can be read from JSON or YAML.
type Rule struct {
	// Name identifies the rule in errors and reports. It is required.
	Name string `json:"name" yaml:"name"`

	// Actions are patterns of actions, such as "payout.*".
	Actions []string `json:"actions,omitempty" yaml:"actions,omitempty"`
	// Targets are patterns of target types.
	Targets []string `json:"targets,omitempty" yaml:"targets,omitempty"`
	// ActorTypes are names of actor types: user, service, system, anonymous, unresolved.
	ActorTypes []string `json:"actor_types,omitempty" yaml:"actor_types,omitempty"`
	// Channels are patterns of channels.
	Channels []string `json:"channels,omitempty" yaml:"channels,omitempty"`

	// Require lists the fields that an intent must have: reason, target, target.name,
	// tenant, channel, outcome, changes or metadata.KEY. An intent without one of them
	// is rejected with a *audit.ValidationError.
	Require []string `json:"require,omitempty" yaml:"require,omitempty"`
	// RequireActorTypes lists the actor types that an intent may have: user, service,
	// system, anonymous. Others are rejected with a *audit.ValidationError. Listing
	// anonymous does not permit it: sdk.WithAnonymous must permit it too. Failed logins
	// and denied access may always be anonymous; see AnonymousAllowed.
	RequireActorTypes []string `json:"require_actor_types,omitempty" yaml:"require_actor_types,omitempty"`
	// RejectAnonymous overrides sdk.WithAnonymous: an intent whose actor, or one that it
	// acts on behalf of, is anonymous is rejected with ErrAnonymousNotAllowed.
	// Failed logins and denied access are still accepted (see [AnonymousAllowed]), so
	// that nobody can keep a denial out of the trail.
	RejectAnonymous bool `json:"reject_anonymous,omitempty" yaml:"reject_anonymous,omitempty"`
	// Changes is how much of the changes is recorded. Empty means ChangesFull.
	Changes Changes `json:"changes,omitempty" yaml:"changes,omitempty"`
	// Exporters are the names of the exporters that get the record; nil means all.
	// NoExporter, as the only element, keeps the record in the ledger and exports it
	// nowhere. A ledger stores every record.
	Exporters []string `json:"exporters,omitempty" yaml:"exporters,omitempty"`

	// Methods are HTTP methods, such as "GET". Only rules that match requests have
	// Methods and Routes.
	Methods []string `json:"methods,omitempty" yaml:"methods,omitempty"`
	// Routes are patterns of routes, as the middleware reports them: "/articles/*", or of full
	// names of methods of gRPC and Connect: "/articles.v1.Articles/Get*".
	Routes []string `json:"routes,omitempty" yaml:"routes,omitempty"`
	// RequireEvent requires a request that succeeds to leave an event.
	RequireEvent bool `json:"require_event,omitempty" yaml:"require_event,omitempty"`
	// Exempt is the reason why a request need not leave an event.
	Exempt string `json:"exempt,omitempty" yaml:"exempt,omitempty"`
}

// Changes is how much of an event's changes is recorded.
type Changes string

const (
	// ChangesFull records fields and values.
	ChangesFull Changes = "full"
	// ChangesFields keeps the names of changed fields and drops their values. Each change
	// is marked Redacted, and the record's Redacted lists it as "changes.FIELD".
	ChangesFields Changes = "fields"
	// ChangesOmitted drops all changes. If there were any, the record's Redacted lists
	// "changes".
	ChangesOmitted Changes = "omitted"
)

// NoExporter in Rule.Exporters exports the record nowhere.
const NoExporter = "none"

// MatchesRequests reports whether the rule matches requests instead of events.
func (r *Rule) MatchesRequests() bool { return r.RequireEvent || r.Exempt != "" }

// clone returns a deep copy.
func (r Rule) clone() Rule {
	for _, list := range [...]*[]string{
		&r.Actions, &r.Targets, &r.ActorTypes, &r.Channels, &r.Require, &r.RequireActorTypes, &r.Exporters, &r.Methods, &r.Routes,
	} {
		*list = slices.Clone(*list)
	}
	return r
}
