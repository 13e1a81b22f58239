package config

import (
	"github.com/opendeed/audit/policy"
)

// ruleModel has the keys of policy.Rule.
type ruleModel struct {
	Name              text              `key:"name,required"`
	Actions           []text            `key:"actions"`
	Targets           []text            `key:"targets"`
	ActorTypes        []actorTypeWord   `key:"actor_types"`
	Channels          []text            `key:"channels"`
	Require           []text            `key:"require"`
	RequireActorTypes []allowedTypeWord `key:"require_actor_types"`
	RejectAnonymous   flag              `key:"reject_anonymous"`
	Changes           changesWord       `key:"changes"`
	Exporters         []text            `key:"exporters"`
	Methods           []text            `key:"methods"`
	Routes            []text            `key:"routes"`
	RequireEvent      flag              `key:"require_event"`
	Exempt            text              `key:"exempt"`
}

type (
	actorTypeWord   string
	allowedTypeWord string
	changesWord     string
)

func (*actorTypeWord) tags() []string   { return []string{tagText} }
func (*allowedTypeWord) tags() []string { return []string{tagText} }
func (*changesWord) tags() []string     { return []string{tagText} }

func (w *actorTypeWord) set(s string) *fault {
	return oneOf(w, s, "user", "service", "system", "anonymous", "unresolved")
}

func (w *allowedTypeWord) set(s string) *fault {
	return oneOf(w, s, "user", "service", "system", "anonymous")
}

func (w *changesWord) set(s string) *fault {
	return oneOf(w, s, string(policy.ChangesFull), string(policy.ChangesFields), string(policy.ChangesOmitted))
}

// rule returns the rule. A list that is set but empty stays so, because policy.New rejects it.
func (r *ruleModel) rule() policy.Rule {
	return policy.Rule{
		Name:              string(r.Name),
		Actions:           list(r.Actions),
		Targets:           list(r.Targets),
		ActorTypes:        list(r.ActorTypes),
		Channels:          list(r.Channels),
		Require:           list(r.Require),
		RequireActorTypes: list(r.RequireActorTypes),
		RejectAnonymous:   r.RejectAnonymous == flagTrue,
		Changes:           policy.Changes(r.Changes),
		Exporters:         list(r.Exporters),
		Methods:           list(r.Methods),
		Routes:            list(r.Routes),
		RequireEvent:      r.RequireEvent == flagTrue,
		Exempt:            string(r.Exempt),
	}
}

func list[T ~string](words []T) []string {
	if words == nil {
		return nil
	}
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return all
}
