package redact_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

const masked = "***REDACTED***"

// process redacts a copy of r.
func process(tb testing.TB, r *record.Record, opts ...redact.Option) *record.Record {
	tb.Helper()
	d, err := redact.New(opts...)
	require.NoError(tb, err)
	r = r.Clone()
	d.Redact(r)
	return r
}

func metadataRecord(kvs ...attribute.KeyValue) *record.Record {
	return &record.Record{Event: audit.Event{Metadata: kvs}}
}

// webToken is built from parts, so that scanners do not take it for a real one.
var webToken = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9." + strings.Repeat("x", 43)

func TestRedactionPlaces(t *testing.T) {
	t.Parallel()
	r := &record.Record{Event: audit.Event{
		Actor: audit.Actor{
			Type: audit.ActorUser, ID: "4111111111111111", Name: "Alice " + webToken,
			OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: webToken, Name: "Bob"},
		},
		Target: audit.Target{Type: "order", ID: "4111111111111111", Name: "card 4111111111111111"},
		Reason: "login with password=hunter2!",
		Tenant: webToken,
		Changes: []audit.Change{
			{Field: "title", Old: attribute.StringValue("Old"), New: attribute.StringValue("New")},
			{Field: "user.password", New: attribute.StringValue("hunter2")},
			{Field: "body", Old: attribute.StringValue(masked), New: attribute.StringValue(masked), Redacted: true},
			{Field: "note", Old: attribute.StringValue("plain"), New: attribute.StringValue("see " + webToken)},
			{Field: "labels." + webToken, New: attribute.IntValue(1)},
		},
		Metadata: []attribute.KeyValue{
			attribute.Map("headers", attribute.String("Authorization", "x"), attribute.String("Accept", "text/plain")),
			attribute.ByteSlice("raw", []byte("token="+"abcdefgh12")),
			attribute.Int64("pin", 1234),
			attribute.StringSlice("texts", []string{"fine", "Bearer abcdefgh12"}),
			attribute.Slice("values", attribute.BoolValue(true), attribute.StringValue(webToken)),
			attribute.Slice("lines", attribute.MapValue(attribute.Map("card", attribute.String("cvv", "123"), attribute.String("network", "visa")))),
			attribute.String(webToken, "a key that is a secret"),
		},
	}, Channel: "api", Overridden: []attribute.KeyValue{attribute.String("cookie", "c=1")}}

	got := process(t, r)
	assert.Equal(t, "Alice "+masked, got.Actor.Name)
	assert.Equal(t, "4111111111111111", got.Actor.ID, "a numeric ID stays")
	assert.Equal(t, masked, got.Actor.OnBehalfOf.ID, "a token is masked in an ID too")
	assert.Equal(t, "4111111111111111", got.Target.ID)
	assert.Equal(t, "card "+masked, got.Target.Name)
	assert.Equal(t, "login with password="+masked, got.Reason)
	assert.Equal(t, masked, got.Tenant)
	assert.Equal(t, "api", got.Channel)
	assert.Equal(t, []audit.Change{
		r.Changes[0],
		{Field: "user.password", New: attribute.StringValue(masked), Redacted: true},
		r.Changes[2],
		{Field: "note", Old: attribute.StringValue("plain"), New: attribute.StringValue("see " + masked)},
		{Field: "labels." + masked, New: attribute.IntValue(1)},
	}, got.Changes)
	assert.Equal(t, []attribute.KeyValue{
		attribute.String(masked+".6", "a key that is a secret"),
		attribute.Map("headers", attribute.String("Authorization", masked), attribute.String("Accept", "text/plain")),
		attribute.Slice("lines", attribute.MapValue(attribute.Map("card", attribute.String("cvv", masked), attribute.String("network", "visa")))),
		attribute.String("pin", masked),
		attribute.ByteSlice("raw", []byte("token="+masked)),
		attribute.StringSlice("texts", []string{"fine", "Bearer " + masked}),
		attribute.Slice("values", attribute.BoolValue(true), attribute.StringValue(masked)),
	}, got.Metadata)
	assert.Equal(t, []attribute.KeyValue{attribute.String("cookie", masked)}, got.Overridden)
	assert.NotContains(t, show(got), webToken)
	assert.Equal(t, []string{
		"actor.name", "actor.on_behalf_of.id", "changes.field", "changes.note", "changes.user.password",
		"metadata." + masked + ".6", "metadata.headers.Authorization", "metadata.lines.card.cvv", "metadata.pin",
		"metadata.raw", "metadata.texts", "metadata.values", "overridden.cookie", "reason", "target.name", "tenant",
	}, got.Redacted)

	again := process(t, got)
	assert.Equal(t, got, again, "redacting twice is redacting once")
}

func TestRedactionStrategies(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte("k"), 16)
	r := metadataRecord(attribute.String("customer.email", "a@example.com"), attribute.String("note", "ticket T-1234 by Bob"),
		attribute.String("password", "hunter2"), attribute.String("plain", "x"))
	r.Changes = []audit.Change{{Field: "password", Old: attribute.StringValue("a"), New: attribute.StringValue("b")}}

	got := process(t, r, redact.WithStrategy(redact.Remove()))
	assert.Equal(t, []attribute.KeyValue{r.Metadata[0], r.Metadata[1], r.Metadata[3]}, got.Metadata)
	assert.Equal(t, []audit.Change{{Field: "password", Redacted: true}}, got.Changes, "the change stays")
	assert.Equal(t, []string{"changes.password", "metadata.password"}, got.Redacted)

	got = process(t, r, redact.WithKeyStrategy("customer.*", redact.HMAC("k1", key)), redact.WithPattern(`T-[0-9]+`, redact.Mask()))
	token := got.Metadata[0].Value.AsString()
	assert.Regexp(t, `^hmac:k1:[0-9a-f]{32}$`, token)
	assert.Equal(t, attribute.String("note", "ticket "+masked+" by Bob"), got.Metadata[1])
	assert.Equal(t, attribute.String("password", masked), got.Metadata[2])
	other := metadataRecord(attribute.String("customer.mail", "a@example.com"))
	assert.Equal(t, token, process(t, other, redact.WithKeyStrategy("customer.*", redact.HMAC("k1", key))).Metadata[0].Value.AsString(), "same value, same token")

	got = process(t, r, redact.WithAllowedKeys("password"))
	assert.Equal(t, r.Metadata, got.Metadata)
	got = process(t, r, redact.WithOnlyMetadata("plain"))
	assert.Equal(t, []attribute.KeyValue{
		attribute.String("customer.email", masked), attribute.String("note", masked),
		attribute.String("password", masked), attribute.String("plain", "x"),
	}, got.Metadata)
	got = process(t, metadataRecord(attribute.String("staffBadgeNumber", "77")), redact.WithSensitiveKeys("badge number"))
	assert.Equal(t, masked, got.Metadata[0].Value.AsString())

	// "size" usually makes a key harmless, but not if the configured key ends with it.
	got = process(t, metadataRecord(attribute.String("shoeSize", "42"), attribute.String("shoeSizeType", "EU")), redact.WithSensitiveKeys("shoe size"))
	assert.Equal(t, masked, got.Metadata[0].Value.AsString())
	assert.Equal(t, "EU", got.Metadata[1].Value.AsString())

	nested := metadataRecord(attribute.Map("m", attribute.String("password", "x"), attribute.String("a", "b")))
	got = process(t, nested, redact.WithStrategy(redact.Remove()))
	assert.Equal(t, []attribute.KeyValue{attribute.Map("m", attribute.String("a", "b"))}, got.Metadata)
}

func TestRedactorFunc(t *testing.T) {
	t.Parallel()
	r := metadataRecord(attribute.String("boom", "x"), attribute.String("fine", "x"), attribute.String("upper", "x"))
	got := process(t, r, redact.WithRedactorFunc(func(path string, v attribute.Value) (attribute.Value, bool) {
		switch path {
		case "metadata.boom":
			panic("with the secret")
		case "metadata.upper":
			return attribute.StringValue("X"), true
		}
		return attribute.StringValue("ignored"), false
	}))
	assert.Equal(t, []attribute.KeyValue{attribute.String("boom", masked), attribute.String("fine", "x"), attribute.String("upper", "X")}, got.Metadata)
	assert.Equal(t, []string{"metadata.boom", "metadata.upper"}, got.Redacted)
}

func TestRedactionKeepsHarmlessValues(t *testing.T) {
	t.Parallel()
	r := metadataRecord(attribute.Bool("has_password", true), attribute.String("password", ""), attribute.KeyValue{Key: "secret"},
		attribute.Int("tokens_used", 7), attribute.Float64Slice("values", []float64{1}))
	got := process(t, r)
	assert.Equal(t, r, got, "an empty value is not a secret")
}

func TestInvalidOptions(t *testing.T) {
	t.Parallel()
	_, err := redact.New(redact.WithPattern("(", redact.Mask()), redact.WithStrategy(redact.HMAC("Bad Id", nil)),
		redact.WithKeyStrategy("*", redact.HMAC("k", []byte("short"))), redact.WithPattern("x", redact.HMAC("", nil)), redact.WithSensitiveKeys("--"))
	for _, want := range []string{"missing closing )", "key ID must match", "at least 16 bytes", "no letters or digits"} {
		require.ErrorContains(t, err, want)
	}
}

func TestRedactionDepth(t *testing.T) {
	t.Parallel()
	got := process(t, metadataRecord(attribute.KeyValue{Key: "k", Value: deeplyNested(5000)}))
	assert.Contains(t, got.Metadata[0].Value.String(), masked, "a value that is nested too deeply is masked")
}

func TestRedactionIsLinear(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{
		"a", "=", ":", "p=", "://", "4", "4 ", "eyJ.", "-----BEGIN ", "Bearer ", "x:y@", "\"", "password=\"", "A-",
		"pin: a ", "name=", "name=pin ", "<pin> ", "[", "{\"a\":", "password:\n", "pin: x\n  ", "-p ", "\\", "\\\"pin\\\":", "%70", "\\u0070", "&#61;",
		"\u200b", "п", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "glc_eyJvIjoiMTIzNDU2IiwibiI6InRlc3QiLCJrIjoiYWJj", "MIIEpAIBAAKCAQEA/", "/libanon/b",
		"abc8Q~defGHIjklMNOpqrSTUvwxYZ0123456789", "https://x/?key=Zx9aB3dE", "$2b$", "values (", "password,", "DE89 ", "078-05-",
		"%DE", "://a:b@.", "<<<%3c",
	} {
		d, err := redact.New()
		require.NoError(t, err)
		text := strings.Repeat(unit, (1<<18)/len(unit))
		start := time.Now()
		d.Redact(&record.Record{Event: audit.Event{Reason: text}})
		assert.Less(t, time.Since(start), 10*time.Second, unit) // quadratic would be minutes, with the race detector hours
	}
}

// TestManySecretsAreLinear redacts values of very many parts, each of which is a secret.
func TestManySecretsAreLinear(t *testing.T) {
	t.Parallel()
	kvs := make([]attribute.KeyValue, 40_000)
	for i := range kvs {
		kvs[i] = attribute.Int("pin"+strconv.Itoa(i), i)
	}
	arguments := slices.Repeat([]string{"mysql", "-pZx9aB3"}, 30_000)
	for name, value := range map[string]attribute.Value{
		"map": attribute.MapValue(kvs...), "commands": attribute.StringSliceValue(arguments),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			got := process(t, metadataRecord(attribute.KeyValue{Key: "k", Value: value}))
			assert.Less(t, time.Since(start), 5*time.Second)
			assert.NotContains(t, got.Metadata[0].Value.String(), "Zx9aB3")
			assert.True(t, slices.IsSorted(got.Redacted))
			assert.Len(t, got.Redacted, map[string]int{"map": len(kvs), "commands": 1}[name])
		})
	}
}

func TestRedactorConcurrently(t *testing.T) {
	t.Parallel()
	d, err := redact.New()
	require.NoError(t, err)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 1500 { // more keys than are cached
				r := metadataRecord(attribute.String(fmt.Sprintf("password_%d_%d", g, i), "x"), attribute.String(fmt.Sprintf("x%d_%d", g, i), "x"))
				d.Redact(r)
				assert.Equal(t, masked, r.Metadata[0].Value.AsString())
				assert.Equal(t, "x", r.Metadata[1].Value.AsString())
			}
		})
	}
	wg.Wait()
}

func TestRedactorAttributes(t *testing.T) {
	t.Parallel()
	d, err := redact.New()
	require.NoError(t, err)
	kvs := []attribute.KeyValue{attribute.String("a", "b"), attribute.String("db.password", "x")}
	clean, redacted := d.Attributes("resource", kvs)
	assert.Equal(t, []attribute.KeyValue{attribute.String("a", "b"), attribute.String("db.password", masked)}, clean)
	assert.Equal(t, []string{"resource.db.password"}, redacted)
	assert.Equal(t, "x", kvs[1].Value.AsString(), "the argument does not change")
}

// TestRemoveKeepsWhatFollows does not take the word after a removed secret for another one.
func TestRemoveKeepsWhatFollows(t *testing.T) {
	t.Parallel()
	d, err := redact.New(redact.WithStrategy(redact.Remove()))
	require.NoError(t, err)
	for text, want := range map[string]string{
		"password=hunter2-Zx9SECRET user=bob action=login ok":   "password= user=bob action=login ok",
		"password hunter2-Zx9SECRET abc-12xyz99 done":           "password  abc-12xyz99 done",
		"Bearer " + strings.Repeat("k9Rv3x", 5) + " Fix2026abc": "Bearer  Fix2026abc",
		"nothing to remove, not even ***REDACTED***":            "nothing to remove, not even ***REDACTED***",
	} {
		clean, _ := d.Text(text)
		require.Equal(t, want, clean)
	}
}

//fuzz:inputs 5000
func FuzzRedact(f *testing.F) {
	for _, name := range []string{"secrets.jsonl", "lookalikes.jsonl"} {
		for i, s := range corpus(f, name) {
			if i%7 == 0 {
				f.Add(s.Key, s.value())
			}
		}
	}
	// Without the secret inside it, the quoted key is short enough to be one.
	f.Add("0", `"""\y\ \`+"\x1c"+`\token\\\:\{\"k9Rv-3xTq7LmWd\\\", \\\"a\\":}"`)
	d, err := redact.New()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, key, value string) {
		once := redactText(t, d, key, value)
		twice := once.Clone()
		twice.Redacted = nil
		d.Redact(twice)
		assert.Equal(t, once.Reason, twice.Reason, "redacting twice is redacting once")
		assert.Equal(t, once.Metadata, twice.Metadata)

		hidden := redactText(t, d, key, value+" "+webToken+" ")
		assert.NotContains(t, show(hidden), webToken)
	})
}

func redactText(t *testing.T, d *redact.Redactor, key, value string) *record.Record {
	t.Helper()
	r := metadataRecord(attribute.String(key, value))
	r.Reason = value
	d.Redact(r)
	return r
}

func BenchmarkRedactClean(b *testing.B) {
	d, err := redact.New()
	require.NoError(b, err)
	r := metadataRecord(attribute.String("app.region", "eu-west-1"), attribute.String("app.version", "1.2.0"),
		attribute.String("client.address", "203.0.113.7"), attribute.String("feature.flag", "beta-editor"),
		attribute.String("http.request.id", "0199c1f2-aaaa-7bbb-8ccc-000000000001"), attribute.String("http.request.method", "PATCH"),
		attribute.String("http.route", "/articles/:id"), attribute.String("network.peer.address", "10.0.0.1"),
		attribute.String("order.number", "A-1001"), attribute.String("url.path", "/articles/1001"),
		attribute.String("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"), attribute.String("workflow.step", "review"))
	r.Actor = audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice"}
	r.Target = audit.Target{Type: "article", ID: "1001"}
	r.Reason, r.Tenant = "editorial approval", "acme"
	b.ReportAllocs()
	for b.Loop() {
		d.Redact(r)
	}
	require.Empty(b, r.Redacted)
}

func BenchmarkRedactDirty(b *testing.B) {
	d, err := redact.New()
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		r := metadataRecord(attribute.String("note", "sent Bearer abcdefgh1234"), attribute.String("password", "hunter2"))
		r.Reason = "card 4111111111111111"
		d.Redact(r)
	}
}

func deeplyNested(depth int) attribute.Value {
	v := attribute.StringValue("leaf")
	for range depth {
		v = attribute.SliceValue(v)
	}
	return v
}
