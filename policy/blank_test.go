package policy_test

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var blanks = []string{
	"", " ", "\t\n", "\u00a0", "\u2003\u2009", "\u200b", "\ufeff", "\u2060", "\u3000", "\u3164", "\u115f\u1160", "\uffa0", "\u2800",
	"\u00ad", "\u202e\u202c", "\x00\x1b", "\u0301", "\ufe0f", "\xff\xfe", "\U000e0041",
}

// A text in which nothing can be seen is no reason, no ticket and no name.
func TestBlankFields(t *testing.T) {
	t.Parallel()
	p, err := policy.New(policy.Rule{Name: "r", Require: []string{"reason", "target", "target.name", "tenant", "channel", "metadata.ticket"}})
	require.NoError(t, err)
	event := func(text string) (*audit.Event, string) {
		return &audit.Event{
			Action: "a.b", Actor: audit.User("1"), Reason: text, Tenant: text, Target: audit.Target{Type: text, ID: text, Name: text},
			Metadata: []attribute.KeyValue{attribute.String("ticket", text)},
		}, text
	}
	for _, text := range blanks {
		e, channel := event(text)
		_, problems := p.Explain(e, channel)
		assert.Len(t, problems, 6, "%q", text)
	}
	for _, text := range []string{"x", "0", ".", " \u200bx", "\u611b", "\U0001f600", "\u3164a"} {
		e, channel := event(text)
		_, problems := p.Explain(e, channel)
		assert.Empty(t, problems, "%q", text)
	}
}

func TestBlankValues(t *testing.T) {
	t.Parallel()
	p, err := policy.New(policy.Rule{Name: "r", Require: []string{"metadata.ticket"}})
	require.NoError(t, err)
	for _, tt := range []struct {
		value attribute.Value
		blank bool
	}{
		{attribute.Value{}, true},
		{attribute.StringSliceValue(nil), true},
		{attribute.StringSliceValue([]string{" ", "\u200b"}), true},
		{attribute.SliceValue(attribute.StringValue(" ")), true},
		{attribute.MapValue(attribute.String("k", " ")), true},
		{attribute.Int64SliceValue(nil), true},
		{attribute.BoolSliceValue(nil), true},
		{attribute.Float64SliceValue(nil), true},
		{attribute.ByteSliceValue(nil), true},
		{attribute.StringSliceValue([]string{" ", "T-1"}), false},
		{attribute.SliceValue(attribute.IntValue(0)), false},
		{attribute.MapValue(attribute.String("k", "v")), false},
		{attribute.IntValue(0), false},
		{attribute.BoolValue(false), false},
	} {
		_, problems := p.Explain(&audit.Event{Action: "a.b", Metadata: []attribute.KeyValue{{Key: "ticket", Value: tt.value}}}, "")
		assert.Equal(t, tt.blank, len(problems) > 0, "%v", tt.value.Type())
	}
}
