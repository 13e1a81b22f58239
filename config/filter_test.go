package config

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	record := &record.Record{
		Event: audit.Event{
			Action: "invoice.approve", Outcome: audit.OutcomeDenied, Kind: audit.KindSignal, Target: audit.Target{Type: "invoice", ID: "user"},
		},
		Channel: "admin",
	}
	for filter, want := range map[string]bool{
		"{actions: [invoice.*]}":                        true,
		"{actions: [user.*, invoice.approve]}":          true,
		"{actions: [invoice]}":                          false,
		"{targets: [inv*]}":                             true,
		"{targets: [user]}":                             false,
		"{outcomes: [failure, denied]}":                 true,
		"{outcomes: [unknown, success]}":                false,
		"{kinds: [signal]}":                             true,
		"{kinds: [intent]}":                             false,
		"{channels: [a*n]}":                             true,
		"{channels: [api]}":                             false,
		"{actions: ['*'], kinds: [intent]}":             false,
		"[{kinds: [intent]}, {channels: [admin]}]":      true,
		"[{kinds: [intent]}, {channels: [api]}]":        false,
		"[{actions: [invoice.*], outcomes: [success]}]": false,
	} {
		s, problem := parseFile("test.yaml", []byte("exporters: [{type: stdout, filter: "+filter+"}]"))
		require.Nil(t, problem)
		d := newDecoder(s, lookupOf(nil))
		var m model
		d.value(s.root, "", valueOf(&m))
		require.Empty(t, d.problems, filter)
		assert.Equal(t, want, m.Exporters.list[0].common().Filter.keep()(record), filter)
	}
	assert.Nil(t, filterModel(nil).keep(), "a nil filter needs no function")
}
