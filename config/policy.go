package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit/policy"
)

// ruleModel is a rule of the policy: policy.Rule, key by key.
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

// rule returns what the model says. A list that is given and empty stays one, because
// policy.New refuses it.
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

// checkPolicy has policy.New judge the rules, and looks at the exporters that they name.
func (c *Config) checkPolicy() {
	rules, d := c.model.Policy, c.decoder
	if len(rules) == 0 {
		return
	}
	c.checkRuleNames()
	var sound []policy.Rule
	var indices []int // in the file, of those that are sound
	for i := range rules {
		if rule := rules[i].rule(); d.faulty(index("policy", i)) {
			// What it meets is not known. Were it judged with the others, it might hide
			// some of them.
			_, err := policy.New(rule)
			c.ruleErrors(err, []int{i}, false)
		} else {
			sound, indices = append(sound, rule), append(indices, i)
		}
	}
	p, err := policy.New(sound...)
	c.ruleErrors(err, indices, true)
	c.checkRuleExporters()
	c.policy = p
}

// checkRuleNames does by paths what policy.New does by numbers.
func (c *Config) checkRuleNames() {
	first := map[text]int{}
	for i := range c.model.Policy {
		name := c.model.Policy[i].Name
		if before, twice := first[name]; twice && name != "" {
			c.decoder.wrong(join(index("policy", i), "name"), "it is the name of "+index("policy", before)+" as well; give one of them another name")
		} else {
			first[name] = i
		}
	}
}

// elementReasons say what is wrong with an element of a list. Those of policy.New quote
// it, and it may be a secret in the wrong place.
var elementReasons = map[string]string{
	"actions":   actionRule,
	"targets":   plainRule,
	"channels":  plainRule,
	"require":   fieldRule,
	"exporters": nameRule,
	"methods":   "it is no method, such as GET",
	"routes":    plainRule,
}

const plainRule = "it must not be empty or have unprintable characters"

// ruleErrors notes what policy.New says of the rules that have these indices in the file.
func (c *Config) ruleErrors(err error, indices []int, sound bool) {
	wrong, ok := errors.AsType[*policy.Error](err)
	if !ok {
		return
	}
	d := c.decoder
	for _, w := range wrong.Rules {
		i := indices[w.Index]
		path := index("policy", i)
		if !sound && (w.Field == "require_event" || w.Field == "name" && c.model.Policy[i].Name == "") {
			continue // what is missing may be what cannot be read
		}
		if w.Field != "" {
			path += "." + w.Field
		}
		if d.faulty(path) {
			continue // that is said already
		}
		message, suggestion := w.Reason, ""
		field, _, element := strings.Cut(w.Field, "[")
		switch n := d.at(path); {
		case element:
			message = elementReasons[field]
			if field == "require" {
				suggestion = nearest(n.Value, requirable)
			}
		case field == "": // it names the rule before
			for j, before := range indices[:w.Index] {
				name := strconv.Quote(string(c.model.Policy[before].Name))
				message = strings.Replace(message, name, index("policy", indices[j]), 1)
			}
		}
		message = d.clean(message) // should policy.New come to quote more
		d.problems = append(d.problems, d.problemAt(d.at(path), path, Problem{
			Message: message, Suggestion: suggestion, Err: &policy.RuleError{Index: i, Field: w.Field, Reason: message},
		}))
	}
}

// checkRuleExporters notes exporters in rules that the file does not have.
func (c *Config) checkRuleExporters() {
	d := c.decoder
	names, known := c.exporterNames()
	for i := range c.model.Policy {
		for j, name := range c.model.Policy[i].Exporters {
			path := index(join(index("policy", i), "exporters"), j)
			if d.faulty(path) {
				continue
			}
			there := slices.Index(names, string(name))
			switch {
			case name == policy.NoExporter && there >= 0:
				d.wrong(path, "none stands for no exporter, and "+index("exporters", there)+" has that name; give that another one")
			case name == policy.NoExporter && d.places["ledger"] == nil:
				d.wrong(path, "without a ledger its records would be recorded nowhere; name an exporter, or add a ledger")
			case name == policy.NoExporter || there >= 0 || !known:
			case len(names) == 0:
				d.wrong(path, "there are no exporters; only none can stand here")
			default:
				near := nearest(string(name), names)
				if d.clean(near) != near {
					near = ""
				}
				d.problem(d.at(path), path, d.clean("no exporter has that name; there are: "+strings.Join(names, ", ")), near)
			}
		}
	}
}

// exporterNames returns the names of the exporters. They are not known where something
// else is wrong that a name may depend on.
func (c *Config) exporterNames() (names []string, known bool) {
	x, d := &c.model.Exporters, c.decoder
	known = x.none != (len(x.list) > 0)
	for i, e := range x.list {
		if e == nil {
			names, known = append(names, ""), false
			continue
		}
		names = append(names, e.common().name())
		known = known && !d.faulty(join(index("exporters", i), "name"))
	}
	return names, known
}

// Policy returns the rules of the file, or nil where it has none. They are in force for a
// provider that NewTrackerProvider makes. Rules about requests are a middleware's
// business: pass them to its option WithCoverage, which takes nil as well.
func (c *Config) Policy() *policy.Policy { return c.policy }
