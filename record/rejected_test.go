package record_test

import (
	"strings"
	"testing"

	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnmarshalJSONRejects(t *testing.T) {
	t.Parallel()
	full := goldenText(t, "full")
	const actor = `"actor":{"auth_method":"jwt","id":"42","name":"Alice","on_behalf_of":{"id":"7","type":"user"},` +
		`"roles":["editor"],"session_id":"9f86d081884c7d65","type":"user"}`
	tests := []struct {
		name     string
		old, new string // replacement in the full record; all of it if old is empty
		at       string // text at the offset; the end if empty
		path     string
		reason   string
	}{
		{"nothing", "", "", "", "", "must be an object"},
		{"white space", "", " \n", "", "", "must be an object"},
		{"null", "", "null", "null", "", "must be an object"},
		{"an array", "", "[" + full + "]", "[", "", "must be an object"},
		{"an empty object", "", " {}", "{", "", "member action is missing"},
		{"more text after it", "", full + " \n{}", "{}", "", "more text follows"},
		{"a byte order mark", "", "\ufeff" + full, "\ufeff", "", "must be an object"},
		{"cut in an object", "", full[:len(full)-1], "", "", "comma or a closing bracket"},
		{"cut in a string", "", `{"action":"secret`, "", "", "ends inside a string"},
		{"cut after a colon", "", `{"action":`, "", "", "must be a string"},
		{"cut after a name", "", `{"action"`, "", "", "colon"},
		{"cut after a comma", "", `{"action":"a",`, "", "", "name of a member"},
		{"an extra comma", `"1.2.0"}}`, `"1.2.0"},]`, "]", "", "name of a member"},
		{"a missing comma", `,"channel"`, `"channel"`, `"channel"`, "", "comma or a closing bracket"},
		{"a comma in front", `{"action"`, `{,"action"`, ",", "", "name of a member"},
		{"a wrong bracket", `["editor"]`, `["editor"}`, `}`, "actor.roles", "comma or a closing bracket"},
		{"a name without quotes", `"action":`, `action:`, "action:", "", "name of a member"},
		{"a space that JSON does not have", `"tenant":"acme"`, "\"tenant\":\v\"acme\"", "\v", "tenant", "must be a string"},
		{"a comment", `"tenant":"acme"`, "\"tenant\":/**/\"acme\"", "/**/", "tenant", "must be a string"},

		{"an unknown member", `"channel"`, `"secret_channel"`, `"secret_channel"`, "secret_channel", "unknown"},
		{"a member in another case", `"channel"`, `"Channel"`, `"Channel"`, "Channel", "unknown"},
		{"an unknown member of the actor", `"session_id"`, `"sid"`, `"sid"`, "actor.sid", "unknown"},
		{"an unknown member of a change", `"redacted":true`, `"x":true`, `"x":true`, "changes[1].x", "unknown"},
		{"an unknown member with an odd name", `"channel"`, `"ch\nnel"`, `"ch\nnel"`, `ch\x0anel`, "unknown"},
		{"a member twice", `"tenant":"acme"`, `"tenant":"acme", "action":"a.b"`, `"action":"a.b"`, "action", "repeated"},
		{"a member of the target twice", `"name":"Hello"`, `"id":"1002"`, `"id":"1002"`, "target.id", "repeated"},
		{"an escaped member twice", `"name":"Hello"`, `"\u0069d":"1002"`, `"\u0069d":"1002"`, "target.id", "repeated"},
		{"a key twice", `"http.route":"/articles/:id"`, `"client.address":"secret"`, `"client.address":"secret"`, "metadata.client.address", "more than once"},

		{"a zero attempt", `"channel"`, `"attempt":"00000000-0000-0000-0000-000000000000","channel"`, `"0000`, "attempt", "not zero"},
		{"an empty bulk", `"channel"`, `"bulk":{},"channel"`, `{}`, "bulk", "member affected is missing"},
		{"a bulk without a selector", `"channel"`, `"bulk":{"affected":1},"channel"`, `{"affected"`, "bulk", "member selector is missing"},
		{"a bulk with an empty selector", `"channel"`, `"bulk":{"affected":1,"selector":""},"channel"`, `""`, "bulk.selector", "empty"},
		{"a bulk with an empty sample", `"channel"`, `"bulk":{"affected":1,"sample":[],"selector":"x"},"channel"`, `[]`, "bulk.sample", "empty"},
		{"a bulk with a negative number", `"channel"`, `"bulk":{"affected":-1,"selector":"x"},"channel"`, `-1`, "bulk.affected", "integer from 0"},
		{"a bulk with a fraction", `"channel"`, `"bulk":{"affected":0.5,"selector":"x"},"channel"`, `0.5`, "bulk.affected", "integer from 0"},
		{"no action", `"action":"article.update",`, ``, "{", "", "member action is missing"},
		{"no actor", actor + ",", ``, "{", "", "member actor is missing"},
		{"no id", `"id":"0199c1f2-0000-7000-8000-000000000001",`, ``, "{", "", "member id is missing"},
		{"no kind", `"kind":"intent",`, ``, "{", "", "member kind is missing"},
		{"no outcome", `"outcome":"success",`, ``, "{", "", "member outcome is missing"},
		{"no time", `"time":"2026-11-23T07:26:02.123456789Z",`, ``, "{", "", "member time is missing"},
		{"no type of the actor", `,"type":"user"},"changes"`, `},"changes"`, `{"auth_method"`, "actor", "member type is missing"},
		{"no type of the principal", `{"id":"7","type":"user"}`, `{"id":"7"}`, `{"id":"7"}`, "actor.on_behalf_of", "member type is missing"},
		{"no field", `"field":"title",`, ``, `{"new":"New"`, "changes[0]", "member field is missing"},

		{"a number for a string", `"acme"`, `5`, `5`, "tenant", "must be a string"},
		{"a string for an object", actor, `"actor":"secret"`, `"secret"`, "actor", "must be an object"},
		{"null for an object", `{"id":"7","type":"user"}`, `null`, `null`, "actor.on_behalf_of", "must be an object"},
		{"null for a string", `"acme"`, `null`, `null`, "tenant", "must be a string"},
		{"an array for an object", `{"client.address":"203.0.113.7"}`, `[]`, `[]`, "overridden", "must be an object"},
		{"an object for an array", `["editor"]`, `{}`, `{}`, "actor.roles", "must be an array"},
		{"a number in the roles", `["editor"]`, `["editor",5]`, `5`, "actor.roles[1]", "must be a string"},
		{"a string for a change", `{"field":"title","new":"New","old":"Old"}`, `"secret"`, `"secret"`, "changes[0]", "must be an object"},
		{"a string for true", `"redacted":true`, `"redacted":"true"`, `"true"`, "changes[1].redacted", "missing or not JSON"},
		{"a string for the resource", `{"service.name":"shop"}`, `"shop"`, `"shop"`, "resource", "must be an object"},

		{"an empty text", `"acme"`, `""`, `""`, "tenant", "must be left out"},
		{"an empty text in the actor", `"jwt"`, `""`, `""`, "actor.auth_method", "must be left out"},
		{"an empty list", `["editor"]`, `[]`, `[]`, "actor.roles", "must be left out"},
		{"no changes", full[strings.Index(full, `[{"field`):strings.Index(full, `,"channel"`)], `[]`, `[]`, "changes", "must be left out"},
		{"empty attributes", `{"client.address":"203.0.113.7"}`, `{}`, `{}`, "overridden", "must be left out"},
		{"an empty resource", `{"service.name":"shop"}`, `{ }`, `{ }`, "resource", "must be left out"},
		{"an empty target", `{"id":"1001","name":"Hello","type":"article"}`, `{}`, `{}`, "target", "must be left out"},
		{"an empty tracker", `{"name":"example.com/shop/articles","version":"1.2.0"}`, `{}`, `{}`, "tracker", "must be left out"},
		{"an EMPTY value", `"old":"Old"`, `"old":null`, `null`, "changes[0].old", "must be left out"},
		{"not redacted", `"redacted":true`, `"redacted":false`, `false`, "changes[1].redacted", "must be left out"},

		{"an action in capitals", `"article.update"`, `"Article.update"`, `"Article`, "action", "lowercase"},
		{"a short id", `"0199c1f2-`, `"199c1f2-`, `"199c1f2`, "id", "UUID"},
		{"a long id", `"0199c1f2-`, `"00199c1f2-`, `"00199c1f2`, "id", "UUID"},
		{"an id in capitals", `0199c1f2`, `0199C1F2`, `"0199C1F2`, "id", "UUID"},
		{"the zero id", `0199c1f2-0000-7000-8000-000000000001`, `00000000-0000-0000-0000-000000000000`, `"00000000-`, "id", "UUID"},
		{"an unknown kind", `"intent"`, `"secret"`, `"secret"`, "kind", "none of the words"},
		{"an unknown operation", `"operation":"update"`, `"operation":"Update"`, `"Update"`, "operation", "none of the words"},
		{"the unspecified operation", `"operation":"update"`, `"operation":"unspecified"`, `"unspecified"`, "operation", "none of the words"},
		{"an unknown outcome", `"success"`, `"ok"`, `"ok"`, "outcome", "none of the words"},
		{"an unknown actor type", `"type":"user"},"changes"`, `"type":"Outcome(9)"},"changes"`, `"Outcome(9)"`, "actor.type", "none of the words"},
		{"the type of no actor", `"type":"user"},"changes"`, `"type":"none"},"changes"`, `"none"`, "actor.type", "none of the words"},
		{"a span in capitals", `00f067aa`, `00F067AA`, `"00F067AA`, "span_id", "hexadecimal"},
		{"a short trace", `4bf92f35`, `4bf92f3`, `"4bf92f3`, "trace_id", "hexadecimal"},
		{"the zero trace", `4bf92f3577b34da6a3ce929d0e0e4736`, strings.Repeat("0", 32), `"0000000000`, "trace_id", "hexadecimal"},
		{"the zero span", `00f067aa0ba902b7`, strings.Repeat("0", 16), `"0000000000`, "span_id", "hexadecimal"},

		{"an escape that JSON lacks", `"acme"`, `"ac\me"`, `\me`, "tenant", "escape"},
		{"an escape of bytes", `"acme"`, `"\x41"`, `\x41`, "tenant", "escape"},
		{"an escape with three digits", `"acme"`, `"\u041"`, `\u041`, "tenant", "escape"},
		{"an escape with a sign", `"acme"`, `"\u+041"`, `\u+041`, "tenant", "escape"},
		{"an escape in capitals", `"acme"`, `"\U0041"`, `\U0041`, "tenant", "escape"},
		{"an escape at the end", "", `{"action":"a\`, `\`, "action", "escape"},
		{"a lone high surrogate", `"acme"`, `"a\ud83d"`, `\ud83d`, "tenant", "escape"},
		{"a high surrogate with something else", `"acme"`, `"a\ud83d\u0041"`, `\ud83d`, "tenant", "escape"},
		{"a lone low surrogate", `"acme"`, `"a\udd12"`, `\udd12`, "tenant", "escape"},
		{"surrogates in the wrong order", `"acme"`, `"a\udd12\ud83d"`, `\udd12`, "tenant", "escape"},
		{"a surrogate in UTF-8", `"acme"`, "\"a\xed\xa0\xbd\"", "\xed\xa0\xbd", "tenant", "UTF-8"},
		{"a stray byte", `"acme"`, "\"secret\xff\"", "\xff", "tenant", "UTF-8"},
		{"a truncated character", `"acme"`, "\"secret\xe6\xbc\"", "\xe6\xbc", "tenant", "UTF-8"},
		{"a tab in a string", `"acme"`, "\"a\tb\"", "\tb", "tenant", "control"},
		{"a line feed in a string", `"acme"`, "\"a long enough\nb\"", "\nb", "tenant", "control"},
		{"a stray byte in a name", `"channel"`, "\"chan\xff\"", "\xff", "", "UTF-8"},
		{"a stray byte in the resource", `"shop"`, "\"sh\xff\"", "\xff", "resource.service.name", "UTF-8"},
		{"a resource without a key", `"service.name":"shop"`, `"":"shop"`, `{"":"shop"}`, "resource", "key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := tt.new
			if tt.old != "" {
				require.Equal(t, 1, strings.Count(full, tt.old))
				text = strings.Replace(full, tt.old, tt.new, 1)
			}
			from := strings.Index(full, tt.old)
			if tt.old == "" || strings.HasPrefix(tt.at, "{") {
				from = 0
			}
			offset := len(text)
			if tt.at != "" {
				offset = from + strings.Index(text[from:], tt.at)
			}
			bad := rejection(t, text)
			assert.Equal(t, offset, bad.Offset, "%s", text)
			assert.Equal(t, tt.path, bad.Path)
			assert.Contains(t, bad.Reason, tt.reason)
			if tt.path != "secret_channel" {
				assert.NotContains(t, bad.Error(), "secret")
			}
		})
	}
}

// rejection returns the error for a text that is not the JSON of a record, and checks that
// the record does not change.
func rejection(t *testing.T, text string) *record.FormatError {
	t.Helper()
	r, before := fullRecord(), fullRecord()
	err := r.UnmarshalJSON([]byte(text))
	var bad *record.FormatError
	require.ErrorAs(t, err, &bad, "%s", text)
	assert.Equal(t, before, r)
	return bad
}

func TestUnmarshalJSONRejectsTimes(t *testing.T) {
	t.Parallel()
	small := goldenText(t, "small")
	const good = "2026-11-23T07:26:02.123456789Z"
	for _, bad := range []string{
		"", "2026-11-23T07:26:02Z", "2026-11-23T07:26:02.123Z", "2026-11-23T07:26:02.123456789+00:00",
		"2026-11-23T07:26:02.123456789z", "2026-11-23t07:26:02.123456789Z", "2026-11-23 07:26:02.123456789Z",
		"2026-11-23T07:26:02,123456789Z", "2026-13-23T07:26:02.123456789Z", "2026-00-23T07:26:02.123456789Z",
		"2026-11-31T07:26:02.123456789Z", "2026-11-00T07:26:02.123456789Z", "2026-02-29T07:26:02.123456789Z",
		"2026-11-23T24:00:00.000000000Z", "2026-11-23T07:60:02.123456789Z", "2026-11-23T07:26:60.000000000Z",
		"1969-12-31T23:59:59.999999999Z", "0000-01-01T00:00:00.000000000Z", "2026-11-23T07:26:02.12345678xZ",
		"2026-1 -23T07:26:02.123456789Z", "+026-11-23T07:26:02.123456789Z", "10000-1-01T00:00:00.000000000Z",
	} {
		t.Run(bad, func(t *testing.T) {
			t.Parallel()
			e := rejection(t, strings.Replace(small, good, bad, 1))
			assert.Equal(t, "time", e.Path)
			assert.Equal(t, strings.Index(small, good)-1, e.Offset)
		})
	}
}

func TestUnmarshalJSONRejectsLongChains(t *testing.T) {
	t.Parallel()
	const one = `{"id":"1","on_behalf_of":`
	chain := strings.Repeat(one, 9) + `{"id":"42","type":"user"}` + strings.Repeat(`,"type":"user"}`, 9)
	text := strings.Replace(goldenText(t, "small"), `{"id":"42","type":"user"}`, chain, 1)
	e := rejection(t, text)
	assert.Equal(t, "actor"+strings.Repeat(".on_behalf_of", 9), e.Path)
	assert.Equal(t, strings.Index(text, `{"id":"42"`), e.Offset)
	assert.Contains(t, e.Reason, "too long")
}
