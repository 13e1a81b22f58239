package redact_test

import (
	"bytes"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
)

// vendorToken is made of the bytes that an action and a role may have.
const vendorToken = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"

func TestRedactedChanges(t *testing.T) {
	t.Parallel()
	text := attribute.StringValue
	changed := func(opts ...redact.Option) *record.Record {
		return process(t, &record.Record{Event: audit.Event{Changes: []audit.Change{
			{Field: "bio", Old: text("plain words"), New: text(""), Redacted: true},
			{Field: "created", New: attribute.Int64Value(7), Redacted: true},
			{Field: "masked", Old: text(masked), New: text(masked), Redacted: true},
			{Field: "marker", New: text("***UNREPRESENTABLE:chan***"), Redacted: true},
			{Field: "partly", Old: text("x" + masked), Redacted: true},
			{Field: "deep", New: attribute.MapValue(attribute.String("a", "b")), Redacted: true},
			{Field: "labels." + vendorToken, New: text(masked), Redacted: true},
		}}}, opts...)
	}
	for name, opts := range map[string][]redact.Option{
		"by default":     nil,
		"an allowed key": {redact.WithAllowedKeys("bio", "created", "marker", "partly", "deep")},
	} {
		got := changed(opts...)
		for _, c := range got.Changes {
			for _, side := range []attribute.Value{c.Old, c.New} {
				if side.Type() != attribute.EMPTY {
					assert.Equal(t, text(masked), side, "%s: %s", name, c.Field)
				}
			}
		}
		assert.Equal(t, attribute.EMPTY, got.Changes[1].Old.Type(), "an absent value stays absent")
		assert.Equal(t, []string{"changes.bio", "changes.created", "changes.deep", "changes.field", "changes.marker", "changes.partly"}, got.Redacted)
		assert.Equal(t, "labels."+masked, got.Changes[6].Field)
	}

	got := changed(redact.WithStrategy(redact.Remove()))
	assert.Equal(t, audit.Change{Field: "bio", Redacted: true}, got.Changes[0])
	assert.Equal(t, text(masked), got.Changes[2].New)
	got = changed(redact.WithKeyStrategy("bio", redact.HMAC("k1", bytes.Repeat([]byte("k"), 16))))
	assert.Regexp(t, "^hmac:k1:", got.Changes[0].Old.AsString())
	assert.Equal(t, text(masked), got.Changes[1].New)
}

// A client that types the token of somebody else's value must not get a record that looks
// like his.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	pseudonyms := redact.HMAC("k1", bytes.Repeat([]byte("k"), 16))
	for name, opts := range map[string][]redact.Option{
		"by key":     {redact.WithKeyStrategy("customer.*", pseudonyms)},
		"by pattern": {redact.WithPattern(`[a-z]+@[a-z.]+`, pseudonyms)},
		"everywhere": {redact.WithStrategy(pseudonyms), redact.WithKeyStrategy("customer.*", pseudonyms)},
	} {
		email := func(text string) *record.Record {
			r := metadataRecord(attribute.String("customer.email", text), attribute.StringSlice("list", []string{"x", text}))
			r.Reason = "changed to " + text + " with password=hunter2!"
			r.Actor.ID = text
			r.Changes = []audit.Change{{Field: "customer.email", Old: attribute.StringValue(text), Redacted: true}, {Field: "labels." + text}}
			return process(t, r, opts...)
		}
		token := email("victim@example.com").Metadata[0].Value.AsString()
		assert.Regexp(t, "^hmac:k1:[0-9a-f]{32}$", token)
		assert.Equal(t, token, email("victim@example.com").Metadata[0].Value.AsString(), "same value, same token")
		forged := email(token)
		assert.NotContains(t, show(forged), token, name)
		assert.Contains(t, forged.Redacted, "metadata.customer.email")
		assert.Equal(t, masked, forged.Actor.ID)
	}
	untouched := metadataRecord(attribute.String("note", "hmac:k1:0123456789abcdef0123456789abcdef"))
	assert.Equal(t, untouched, process(t, untouched), "without HMAC, there are no tokens to forge")
}

// What holds for metadata holds for metadata that was overridden.
func TestRedactionOfOverridden(t *testing.T) {
	t.Parallel()
	custom := func(path string, v attribute.Value) (attribute.Value, bool) {
		return attribute.StringValue("custom"), path == "metadata.upper"
	}
	r := metadataRecord(attribute.String("note", "second"), attribute.String("route", "/b"), attribute.String("upper", "x"))
	r.Overridden = []attribute.KeyValue{attribute.String("note", "first"), attribute.String("route", "/a"), attribute.String("upper", "y")}
	got := process(t, r, redact.WithOnlyMetadata("route", "upper"), redact.WithRedactorFunc(custom))
	assert.Equal(t, []attribute.KeyValue{attribute.String("note", masked), attribute.String("route", "/a"), attribute.String("upper", "custom")}, got.Overridden)
	assert.Equal(t, []string{"metadata.note", "metadata.upper", "overridden.note", "overridden.upper"}, got.Redacted)
}

// Marks and paths name fields, whose names may be secrets.
func TestRedactionOfPaths(t *testing.T) {
	t.Parallel()
	r := metadataRecord(attribute.String(vendorToken, "x"), attribute.String("z", "z"))
	shared := []mark.Mark{
		{Path: "changes.m." + vendorToken, Kind: mark.NotLoaded},
		{Path: "metadata." + vendorToken, Kind: mark.Client},
		{Path: "x", Kind: mark.Kind("k." + vendorToken)},
	}
	r.Changes = []audit.Change{{Field: "m." + vendorToken}}
	r.Marks, r.Redacted = shared, []string{"elsewhere." + vendorToken, "other"}
	got := process(t, r)
	assert.NotContains(t, show(got), vendorToken)
	assert.Equal(t, []mark.Mark{
		{Path: "changes.m." + masked, Kind: mark.NotLoaded},
		{Path: "metadata." + masked + ".0", Kind: mark.Client}, // it follows its value
		{Path: "x", Kind: "redacted"},
	}, got.Marks)
	assert.Equal(t, []string{"changes.field", "elsewhere." + masked, "metadata." + masked + ".0", "other"}, got.Redacted)
	assert.Equal(t, "metadata."+vendorToken, shared[1].Path, "records may share marks")
}

// A mask is no action, so that of a secret is a word.
func TestRedactionOfActions(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{"x." + vendorToken: "redacted", "password.change": "password.change", "api_key.create": "api_key.create"} {
		r := &record.Record{Event: audit.Event{Action: action}}
		assert.Equal(t, want, process(t, r).Action)
		assert.Equal(t, want, process(t, r, redact.WithStrategy(redact.Remove())).Action)
	}
}

// TestRedactionOfStructures has secrets that only another element of the value names.
func TestRedactionOfStructures(t *testing.T) {
	t.Parallel()
	text, texts := attribute.StringValue, func(texts ...string) attribute.Value { return attribute.StringSliceValue(texts) }
	const secret = "Zx9plainLongEnough"
	for name, tt := range map[string]struct{ value, want attribute.Value }{
		"a flag":             {texts("mysql", "--password", secret, "-v"), texts("mysql", "--password", masked, "-v")},
		"flags of a list":    {attribute.SliceValue(text("--token"), text(secret)), attribute.SliceValue(text("--token"), text(masked))},
		"a joined flag":      {texts("mysql", "-p"+secret, "shop"), texts("mysql", "-p"+masked, "shop")},
		"a sign":             {texts("mysql", `-pa"b;c'd`), texts("mysql", "-p"+masked)},
		"a word":             {texts("/usr/bin/redis-cli", "-a", "two words"), texts("/usr/bin/redis-cli", "-a", masked)},
		"a login":            {attribute.SliceValue(text("curl"), text("-u"), text("bob:sunshine")), attribute.SliceValue(text("curl"), text("-u"), text("bob:"+masked))},
		"an operand":         {texts("htpasswd", "-b", "f", "bob", "sunshine"), texts("htpasswd", "-b", "f", "bob", masked)},
		"harmless arguments": {texts("mysql", "-u", "root", "-p", "shop"), texts("mysql", "-u", "root", "-p", "shop")},
		"pairs of headers":   {attribute.SliceValue(texts("X-Api-Key", secret), texts("Accept", "x")), attribute.SliceValue(attribute.SliceValue(text("X-Api-Key"), text(masked)), texts("Accept", "x"))},
		"a name and its value": {
			attribute.SliceValue(attribute.MapValue(attribute.String("Name", "X-Api-Key"), attribute.String("Value", secret))),
			attribute.SliceValue(attribute.MapValue(attribute.String("Name", "X-Api-Key"), attribute.String("Value", masked))),
		},
		"a harmless pair":  {attribute.SliceValue(texts("Accept", "x"), texts("Host", "y")), attribute.SliceValue(texts("Accept", "x"), texts("Host", "y"))},
		"words":            {texts("password", "email"), texts("password", "email")},
		"an int":           {attribute.Int64Value(4111111111111111), text(masked)},
		"a float":          {attribute.Float64Value(4111111111111111), text(masked)},
		"ints":             {attribute.Int64SliceValue([]int64{1, 4111111111111111}), attribute.SliceValue(attribute.Int64Value(1), text(masked))},
		"floats":           {attribute.Float64SliceValue([]float64{0.5, 4111111111111111}), attribute.SliceValue(attribute.Float64Value(0.5), text(masked))},
		"harmless numbers": {attribute.Int64SliceValue([]int64{1764183247, 1764183247000}), attribute.Int64SliceValue([]int64{1764183247, 1764183247000})},
	} {
		got := process(t, metadataRecord(attribute.KeyValue{Key: "x", Value: tt.value}))
		assert.Equal(t, tt.want, got.Metadata[0].Value, name)
		assert.Equal(t, tt.want != tt.value, len(got.Redacted) == 1, name)
	}
	got := process(t, metadataRecord(attribute.Int("x", 99123456), attribute.Float64("y", 1.5)), redact.WithPattern(`99[0-9]{6}`, redact.Mask()))
	assert.Equal(t, []attribute.KeyValue{attribute.String("x", masked), attribute.Float64("y", 1.5)}, got.Metadata)
}
