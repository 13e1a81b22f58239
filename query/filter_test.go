package query_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	const constants = "it has a value that is not one of the constants"
	for _, tt := range []struct {
		filter query.Filter
		want   string
	}{
		{query.Filter{IDs: []audit.ID{{}}}, "IDs: it has a zero ID"},
		{query.Filter{Actors: []audit.Actor{audit.User("")}}, "Actors: it has an actor without an ID; use ActorTypes for all of a type"},
		{query.Filter{Actors: []audit.Actor{{Type: 77, ID: "1"}}}, "Actors: it has an actor whose type is not one of the constants"},
		{query.Filter{Actors: []audit.Actor{{Type: audit.ActorAnonymous, ID: "1"}}}, "Actors: it has an ID of an actor that has none"},
		{query.Filter{Actors: []audit.Actor{audit.Anonymous(), {ID: "1"}}}, ""},
		{query.Filter{ActorTypes: []audit.ActorType{audit.ActorNone}}, "ActorTypes: " + constants},
		{query.Filter{OnBehalfOf: []audit.Actor{{}}}, "OnBehalfOf: it has an actor without an ID; use ActorTypes for all of a type"},
		{query.Filter{Sessions: []string{"secret"}}, "Sessions: it has a text that is not the fingerprint of a session; use SessionOf"},
		{query.Filter{Sessions: []string{query.SessionOf("secret")}}, ""},
		{query.Filter{Tenants: []string{""}, Channels: []string{""}}, ""},
		{query.Filter{Actions: []string{"Invoice.*"}}, "Actions: it has a pattern that no action can match; actions are words of a-z, 0-9 and _, joined by dots"},
		{query.Filter{Actions: []string{""}}, "Actions: it has a pattern that no action can match; actions are words of a-z, 0-9 and _, joined by dots"},
		{query.Filter{Operations: []audit.Operation{audit.OperationUnspecified}}, ""},
		{query.Filter{Operations: []audit.Operation{88}}, "Operations: " + constants},
		{query.Filter{Outcomes: []audit.Outcome{88}}, "Outcomes: " + constants},
		{query.Filter{Kinds: []audit.Kind{88}}, "Kinds: " + constants},
		{query.Filter{Targets: []audit.Target{{Type: "invoice"}}}, "Targets: it has a target without an ID; use TargetTypes for all of a type"},
		{query.Filter{TargetTypes: []string{""}}, "TargetTypes: it has an empty type"},
		{query.Filter{Changed: []string{""}}, "Changed: it has an empty pattern"},
		{query.Filter{Attempts: []audit.ID{{}}}, "Attempts: it has a zero ID"},
		{query.Filter{Stages: []query.Stage{3}}, "Stages: " + constants},
		{query.Filter{TraceIDs: []trace.TraceID{{}}}, "TraceIDs: it has a zero ID"},
		{query.Filter{Metadata: []attribute.KeyValue{{}}}, "Metadata: it has an attribute without a key"},
		{query.Filter{Resource: []attribute.KeyValue{{}}}, "Resource: it has an attribute without a key"},
		{query.Filter{Text: strings.Repeat("a", 1025)}, "Text: it has more than 1,024 bytes"},
		{query.Filter{Text: " \n"}, "Text: it has no word"},
		{query.Filter{Reason: " "}, "Reason: it has no word"},
		{query.Filter{Failure: strings.Repeat("a", 1025)}, "Failure: it has more than 1,024 bytes"},
		{query.Filter{Since: at, Until: at.Add(-1)}, "Until: it is before Since"},
		{query.Filter{Since: at, Until: at}, ""},
		{query.Filter{Limit: -1}, "Limit: it must not be negative"},
		{query.Filter{Not: []query.Filter{{}}}, "Not[0]: it is empty, so it would exclude every record"},
		{query.Filter{Not: []query.Filter{{Text: "a"}, {Text: "b", Limit: 1}}}, "Not[1]: filters in Not must not have Ascending, After or Limit"},
		{query.Filter{Not: []query.Filter{{Not: []query.Filter{{Text: "a"}}}}}, "Not[0].Not: filters in Not must not have it"},
		{query.Filter{Not: []query.Filter{{Kinds: []audit.Kind{9}}}}, "Not[0].Kinds: " + constants},
	} {
		err := tt.filter.Validate()
		_, errMatcher := query.NewMatcher(tt.filter)
		assert.Equal(t, err, errMatcher)
		if tt.want == "" {
			assert.NoError(t, err)
			continue
		}
		var invalid *query.FilterError
		if assert.ErrorAs(t, err, &invalid, tt.want) {
			assert.Equal(t, "query: Filter."+tt.want, err.Error())
		}
	}
}

// TestText is the definition of how words are compared.
func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		words, text string
		want        bool
	}{
		{"refund", "A REFUND was asked for", true},
		{"asked refund", "A refund was asked for", true},
		{"fund", "A refund", true},
		{"refund paid", "A refund", false},
		{"caf\u00e9", "the CAFE\u0301", true},
		{"cafe\u0301", "the CAF\u00c9", true},
		{"cafe", "the caf\u00e9", false},
		{"stra\u00dfe", "STRA\u1e9eE", true},
		{"strasse", "stra\u00dfe", false},
		{"kelvin", "\u212aelvin", true},
		{"\u212a", "k", true},
		{"miss", "mi\u017f\u017f", true},
		{"\u03bf\u03b4\u03bf\u03c3", "\u039f\u0394\u039f\u03a3 or \u03bf\u03b4\u03bf\u03c2", true},
		{"\u5b57", "\u6f22\u5b57\u6587", true},
		{"jos\xe9", `jos\xe9`, true},
		{`jos\xe9`, `jos\xe9`, true},
		{`JOS\XE9`, `jos\xe9`, true},
		{"\u00e9", "", false},
	} {
		f := query.Filter{Reason: tt.words}
		r := newRecord(func(r *record.Record) { r.Reason = tt.text })
		assert.Equal(t, tt.want, f.Matches(r), "%q in %q", tt.words, tt.text)
		f = query.Filter{Text: tt.words}
		assert.Equal(t, tt.want, f.Matches(r), "%q in %q", tt.words, tt.text)
		f = query.Filter{Failure: tt.words}
		assert.False(t, f.Matches(r))
	}
}

func TestFilterJSONIsCanonical(t *testing.T) {
	t.Parallel()
	var id audit.ID
	require.NoError(t, id.UnmarshalText([]byte("0199c1f2-0000-7000-8000-000000000001")))
	after := query.CursorOf(newRecord(func(r *record.Record) { r.ID = id }))
	f := query.Filter{
		Actors:     []audit.Actor{{Type: audit.ActorUser, ID: "7", Name: "left out"}, {ID: "42"}, audit.Anonymous(), {ID: "42"}},
		Actions:    []string{"b.*", "a.b"},
		Operations: []audit.Operation{audit.OperationUpdate, audit.OperationUnspecified},
		Targets:    []audit.Target{{Type: "invoice", ID: "1001", Name: "left out"}},
		Metadata:   []attribute.KeyValue{attribute.Float64("n", 1), {Key: "k"}},
		Tenants:    []string{"<acme>", ""},
		Attempts:   []audit.ID{id}, Stages: []query.Stage{query.StageEnd},
		TraceIDs: []trace.TraceID{{15: 1}},
		Since:    time.Date(2026, 11, 26, 1, 0, 0, 5, time.FixedZone("", 3600)),
		Not:      []query.Filter{{Channels: []string{"job"}}},
		After:    after, Limit: 20, Ascending: true,
	}
	text, err := f.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, `{"actions":["a.b","b.*"],"actors":[{"id":"42"},{"id":"7","type":"user"},{"type":"anonymous"}],"after":"`+after+
		`","ascending":true,"attempts":["0199c1f2-0000-7000-8000-000000000001"],"limit":20,`+
		`"metadata":[{"key":"k"},{"key":"n","value":{"$f":"1"}}],"not":[{"channels":["job"]}],"operations":["unspecified","update"],`+
		`"since":"2026-11-26T00:00:00.000000005Z","stages":["end"],"targets":[{"id":"1001","type":"invoice"}],"tenants":["","<acme>"],`+
		`"trace_ids":["00000000000000000000000000000001"]}`, string(text))
	empty, err := query.Filter{}.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, "{}", string(empty))
}

func TestFilterJSONErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		filter query.Filter
		want   string
	}{
		{query.Filter{Limit: -1}, "query: Filter.Limit: it must not be negative"},
		{query.Filter{Reason: "\xff"}, "query: Filter.Reason: it is not valid UTF-8"},
		{query.Filter{Targets: []audit.Target{{ID: "\xff"}}}, "query: Filter.Targets: it is not valid UTF-8"},
		{query.Filter{TargetTypes: []string{"a", "\xff"}}, "query: Filter.TargetTypes: it is not valid UTF-8"},
		{query.Filter{Not: []query.Filter{{Text: "\xff"}}}, "query: Filter.Not: it is not valid UTF-8"},
		{query.Filter{Since: time.Unix(-1, 0)}, "query: Filter.Since: it must be between the years 1970 and 9999"},
	} {
		_, err := tt.filter.MarshalJSON()
		assert.EqualError(t, err, tt.want)
	}
	for text, want := range map[string]string{
		``:                             "query: the JSON of a filter, byte 0: filter: it must be an object",
		`{"actor":[]}`:                 "query: the JSON of a filter, byte 1: actor: the member is unknown",
		`{"actions":[]}`:               "query: the JSON of a filter, byte 11: actions: it is empty and must be left out",
		`{"limit":0}`:                  "query: the JSON of a filter, byte 9: limit: it is empty and must be left out",
		`{"ascending":false}`:          "query: the JSON of a filter, byte 13: ascending: a value is missing or not JSON",
		`{"actors":[{"name":"a"}]}`:    "query: the JSON of a filter, byte 12: actors[0].name: the member is unknown",
		`{"actors":[{"type":"none"}]}`: "query: the JSON of a filter, byte 19: actors[0].type: it is none of the words",
		`{"actors":[{"type":"user"}]}`: "query: Filter.Actors: it has an actor without an ID; use ActorTypes for all of a type",
		`{"trace_ids":["0"]}`:          "query: the JSON of a filter, byte 14: trace_ids[0]: it must be 32 hexadecimal digits, lowercase and not all zero",
		`{"not":[{"not":[{}]}]}`:       "query: the JSON of a filter, byte 15: not[0].not: filters in not must not have it",
		`{"metadata":[{"value":1}]}`:   "query: the JSON of a filter, byte 13: metadata[0]: the member key is missing",
		`{} {}`:                        "query: the JSON of a filter, byte 3: filter: more text follows the end",
	} {
		f := query.Filter{Limit: 7}
		assert.EqualError(t, f.UnmarshalJSON([]byte(text)), want, text)
		assert.Equal(t, query.Filter{Limit: 7}, f, "it is unchanged")
	}
	var f query.Filter
	require.NoError(t, json.Unmarshal([]byte(` { "limit" : 3, "actions": [ "a.b" ] } `), &f))
	assert.Equal(t, query.Filter{Limit: 3, Actions: []string{"a.b"}}, f)
}

// FuzzFilterJSON reads any text. What is read can be written, and is read the same again.
func FuzzFilterJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"actions":["a.*"],"not":[{"text":"a"}],"limit":3}`, `{"metadata":[{"key":"a","value":{"$f":"NaN"}}]}`, `[[[[[`, `{"not":[{"not":[`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var read, again query.Filter
		if read.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		written, err := read.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalJSON(written))
		second, err := again.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(written), string(second))
	})
}
