package config

import (
	"time"

	"github.com/opendeed/audit/sdk"
)

// validationModel adds rules to those that always apply.
type validationModel struct {
	Actions      []text          `key:"actions"`
	Required     []requiredModel `key:"required"`
	MaxClockSkew duration        `key:"max_clock_skew"`
	MaxMetadata  count           `key:"max_metadata"`
}

// requiredModel lists the fields that records of some actions must have.
type requiredModel struct {
	Actions []text `key:"actions,required"`
	Fields  []text `key:"fields,required"`
}

// requirable lists the fields that can be required, without metadata.
var requirable = []string{"reason", "target", "target.name", "tenant", "channel", "outcome", "changes"}

const fieldRule = "it must be reason, target, target.name, tenant, channel, outcome, changes or metadata.KEY"

func (v *validationModel) check(d *decoder, path string) {
	if v == nil {
		return
	}
	if d.nodes[join(path, "actions")] != nil && len(v.Actions) == 0 {
		d.report(join(path, "actions"), "an empty list would reject every action; remove it to accept all")
	}
	checkActions(d, join(path, "actions"), v.Actions)
	for i, r := range v.Required {
		at := index(join(path, "required"), i)
		checkActions(d, join(at, "actions"), r.Actions)
		for j, f := range r.Fields {
			if f != "" && tryOptions(sdk.WithValidation(sdk.WithRequired("*", string(f)))) != nil {
				field := index(join(at, "fields"), j)
				d.problem(d.at(field), field, fieldRule, nearest(string(f), requirable))
			}
		}
	}
}

func (v *validationModel) options() []sdk.ValidationOption {
	if v == nil {
		return nil
	}
	var opts []sdk.ValidationOption
	if len(v.Actions) > 0 {
		opts = append(opts, sdk.WithActions(texts(v.Actions)...))
	}
	for _, r := range v.Required {
		for _, a := range r.Actions {
			opts = append(opts, sdk.WithRequired(string(a), texts(r.Fields)...))
		}
	}
	if v.MaxClockSkew > 0 {
		opts = append(opts, sdk.WithMaxClockSkew(time.Duration(v.MaxClockSkew)))
	}
	if v.MaxMetadata > 0 {
		opts = append(opts, sdk.WithMaxMetadata(int(v.MaxMetadata)))
	}
	return opts
}
