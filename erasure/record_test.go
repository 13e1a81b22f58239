package erasure_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

func TestValuesAreErasable(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	r := tracked(t, newEvent(), byActor(newVault(t, keys)))
	want := map[string][]string{
		"actor.name":                      {`"Alice Liddell"`},
		"target.name":                     {`"Dormouse"`},
		"reason":                          {`"Alice asked for it"`},
		"changes.customer.email.old":      {`"old@wonderland.example"`},
		"changes.customer.email.new":      {`"` + email + `"`},
		"changes.customer.größe in m.new": {`1.5`},
		"metadata.customer.email":         {`"` + email + `"`},
		"metadata.customer.phones":        {`["one","two"]`},
		"metadata.form.customer.city":     {`"Oxford"`},
		"metadata.people.customer.a":      {`"x"`, `"y"`},
	}
	commitments := map[erasure.Digest]bool{}
	n := 0
	for field, v := range erasure.Values(r) {
		require.Contains(t, want, field)
		commitments[v.Commitment] = true
		n++
	}
	require.Equal(t, 11, n)
	require.Len(t, commitments, n, "the same value elsewhere has another commitment")
	for field, values := range want {
		openings, err := erasure.Open(t.Context(), keys, r, field)
		require.NoError(t, err, field)
		var got []string
		for _, o := range openings {
			got = append(got, string(o.Value))
		}
		require.Equal(t, values, got, field)
	}
	_, err := erasure.Open(t.Context(), keys, r, "metadata.color")
	require.ErrorIs(t, err, erasure.ErrNotErasable)
	assert.False(t, r.Changes[0].Redacted, "an erasable change is not masked")
	text, err := r.AppendJSON(nil)
	require.NoError(t, err)
	for _, secret := range []string{email, "old@", "Alice", "Dormouse", "Oxford", "asked"} {
		require.NotContains(t, string(text), secret)
	}

	require.NoError(t, keys.Destroy(t.Context(), erasure.Subject{Type: "user", ID: "42"}))
	_, err = erasure.Open(t.Context(), keys, r, "metadata.customer.email")
	requireErased(t, err)
	openings, err := erasure.Open(t.Context(), keys, r, "target.name")
	require.NoError(t, err, "another subject's")
	require.Equal(t, `"Dormouse"`, string(openings[0].Value))
}

// An event that is tracked twice has the same record, which a store recognizes.
func TestErasableRetry(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	first := tracked(t, newEvent(), byActor(newVault(t, keys)))
	require.True(t, first.IsRetryOf(tracked(t, newEvent(), byActor(newVault(t, keys)))))
	changed := newEvent()
	changed.Metadata[0] = attribute.String("customer.email", "other@wonderland.example")
	require.False(t, first.IsRetryOf(tracked(t, changed, byActor(newVault(t, keys)))))
	other := newEvent()
	other.ID[15] = 2
	again := tracked(t, other, byActor(newVault(t, keys)))
	require.NotEqual(t, first.Metadata, again.Metadata, "the same value in another record")
}

// What was moved to another record, field or subject, or was changed, cannot be opened.
func TestErasableValuesCannotBeMoved(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	fresh := func() *record.Record { return tracked(t, newEvent(), byActor(newVault(t, keys))) }
	const at = 1 // customer.email, after color
	r := fresh()
	require.EqualValues(t, "customer.email", r.Metadata[at].Key)
	token := r.Metadata[at].Value.AsString()
	bob := newEvent()
	bob.Actor = audit.User("bob")
	moved := map[string]func() *record.Record{
		"to another record": func() *record.Record {
			r := fresh()
			r.ID[15] = 9
			return r
		},
		"to another field": func() *record.Record {
			r := fresh()
			r.Metadata[at].Value = r.Changes[0].New
			return r
		},
		"with another key": func() *record.Record {
			r := fresh()
			other := tracked(t, bob, byActor(newVault(t, keys))).Metadata[at].Value.AsString()
			r.Metadata[at].Value = attribute.StringValue(other[:len(record.ErasablePrefix)+22] + token[len(record.ErasablePrefix)+22:])
			return r
		},
	}
	for i := len(record.ErasablePrefix); i < len(token); i += 7 {
		moved["with another digit"] = func() *record.Record {
			r := fresh()
			digit := "A"
			if token[i] == 'A' {
				digit = "B"
			}
			r.Metadata[at].Value = attribute.StringValue(token[:i] + digit + token[i+1:])
			return r
		}
	}
	for what, forge := range moved {
		_, err := erasure.Open(t.Context(), keys, forge(), "metadata.customer.email")
		require.Error(t, err, what)
		require.True(t, errors.Is(err, erasure.ErrNotGenuine) || errors.Is(err, erasure.ErrNoKey) || errors.Is(err, erasure.ErrNotErasable), "%s: %v", what, err)
	}
}

func TestErasableWithoutSubject(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	for name, actor := range map[string]audit.Actor{
		"anonymous": audit.Anonymous(), "masked": audit.User("ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
		"too long": audit.User(long),
	} {
		e := newEvent()
		e.Actor = actor
		r := tracked(t, e, byActor(newVault(t, newDir(t))), sdk.WithAnonymous("*"))
		for _, kv := range r.Metadata {
			if kv.Key == "customer.email" {
				assert.Equal(t, record.RedactedText, kv.Value.AsString(), name)
			}
		}
		assert.Contains(t, r.Redacted, "metadata.customer.email", name)
		assert.True(t, r.Changes[0].Redacted, name)
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	boss := audit.User("boss")
	r := &record.Record{Event: audit.Event{
		Actor: audit.Service("worker"), Target: audit.Target{Type: "patient", ID: "a\nb"}, Tenant: "acme",
		Covers:   []audit.Target{{Type: "visit", ID: "1"}, {Type: "visit", ID: "2"}},
		Metadata: []attribute.KeyValue{attribute.Int("customer.id", 7), attribute.Bool("flag", true)},
	}}
	r.Actor.OnBehalfOf = &boss
	subject := func(f erasure.SubjectFunc, field string) string {
		s, ok := f(r, field)
		if !ok {
			return "unknown"
		}
		return strings.TrimPrefix(s.Tenant+":"+s.String(), ":")
	}
	assert.Equal(t, "service/worker", subject(erasure.Actor, "metadata.x"))
	assert.Equal(t, "service/worker", subject(erasure.Actor, "actor.name"))
	assert.Equal(t, "user/boss", subject(erasure.Actor, "actor.on_behalf_of.name"))
	assert.Equal(t, `patient/a\x0ab`, subject(erasure.Target, "target.name"), "as the record has it")
	assert.Equal(t, "visit/2", subject(erasure.Target, "covers[1].name"))
	assert.Equal(t, "unknown", subject(erasure.Target, "covers[2].name"))
	assert.Equal(t, "customer/7", subject(erasure.Metadata("customer", "customer.id"), ""))
	assert.Equal(t, "unknown", subject(erasure.Metadata("customer", "flag"), ""))
	assert.Equal(t, "unknown", subject(erasure.Metadata("customer", "none"), ""))
	assert.Equal(t, "acme:service/worker", subject(erasure.OfTenant(erasure.Actor), ""))
	r.Tenant = ""
	assert.Equal(t, "unknown", subject(erasure.OfTenant(erasure.Actor), ""))

	s, err := erasure.ParseSubject("user/4/2")
	require.NoError(t, err)
	assert.Equal(t, erasure.Subject{Type: "user", ID: "4/2"}, s)
	for _, text := range []string{"", "user", "user/", "/42", "us\x00er/1"} {
		_, err := erasure.ParseSubject(text)
		require.Error(t, err, "%q", text)
	}
}

// Redaction comes first: what it masks is not even encrypted.
func TestErasableSecretsAreMasked(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	e := newEvent()
	e.Metadata = []attribute.KeyValue{
		attribute.String("customer.password", "hunter2-hunter2"),
		attribute.String("customer.note", "card 4111 1111 1111 1111, thanks"),
	}
	r := tracked(t, e, byActor(newVault(t, keys)))
	assert.Equal(t, attribute.String("customer.password", record.RedactedText), r.Metadata[1])
	openings, err := erasure.Open(t.Context(), keys, r, "metadata.customer.note")
	require.NoError(t, err)
	assert.Equal(t, `"card ***REDACTED***, thanks"`, string(openings[0].Value))
	for _, opt := range []redact.Option{
		redact.WithStrategy(redact.Erasable(newVault(t, keys).For(erasure.Actor))),
		redact.WithPattern("x", redact.Erasable(newVault(t, keys).For(erasure.Actor))),
		redact.WithKeyStrategy("x", redact.Erasable(nil)),
		redact.WithFieldStrategy("actor.id", redact.Mask()),
	} {
		_, err := redact.New(opt)
		require.Error(t, err)
	}
}

// A client can write a text that looks like an erasable value, and it is not taken for one.
func TestForgedErasable(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	genuine := tracked(t, newEvent(), byActor(newVault(t, keys))).Metadata[1].Value.AsString()
	e := newEvent()
	e.Metadata = []attribute.KeyValue{attribute.String("color", genuine), attribute.String("customer.color", genuine)}
	r := tracked(t, e, byActor(newVault(t, keys)))
	assert.Equal(t, record.RedactedText, r.Metadata[0].Value.AsString())
	assert.Equal(t, record.RedactedText, r.Metadata[1].Value.AsString())
	r = tracked(t, e) // without a vault
	for field := range erasure.Values(r) {
		t.Errorf("%s is no erasable value", field)
	}
}

// Long values are cut before they are encrypted, never after, and a record still fits.
func TestLongErasableValues(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	e := newEvent()
	name := strings.Repeat("é", 400)
	e.Actor.Name = name
	e.Metadata = nil
	for _, letter := range "abcdefghij" {
		e.Metadata = append(e.Metadata, attribute.String("customer."+string(letter), strings.Repeat(`\x`, 40<<10)))
	}
	e.Failure = strings.Repeat("f", 80<<10)
	e.Outcome = audit.OutcomeFailure
	r := tracked(t, e, byActor(newVault(t, keys)))
	n := 0
	for field := range erasure.Values(r) {
		_, err := erasure.Open(t.Context(), keys, r, field)
		require.NoError(t, err, field)
		n++
	}
	require.GreaterOrEqual(t, n, 10, "what does not fit is left out whole")
	openings, err := erasure.Open(t.Context(), keys, r, "actor.name")
	require.NoError(t, err)
	v, err := openings[0].Attribute()
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("é", erasure.MaxName/2), v.AsString())
	assert.Contains(t, r.Marks, mark.Mark{Path: "actor.name", Kind: mark.Cut, Length: 800}, "no hash of what was cut")
	for _, field := range []string{"target.name", "reason", "changes.customer.email.new"} {
		_, err := erasure.Open(t.Context(), keys, r, field)
		require.NoError(t, err, "%s is opened although other paths were left out", field)
	}

	e = newEvent()
	e.Metadata = []attribute.KeyValue{
		attribute.Map("customer.map", attribute.String("text", strings.Repeat("m", 20<<10))),
		attribute.Int("customer."+strings.Repeat("k", 600), 1),
	}
	r = tracked(t, e, byActor(newVault(t, keys)))
	assert.Contains(t, r.Marks, mark.Mark{Path: "metadata.customer.map", Kind: mark.Missing})
	assert.Contains(t, r.Redacted, "metadata.customer.map")
	for _, kv := range r.Metadata {
		assert.Equal(t, record.RedactedText, kv.Value.AsString())
	}
}

// The texts of clients are cut to 512 bytes, which is not enough for an erasable one.
func TestErasableClientText(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	s := &sink{}
	p, err := sdk.NewTrackerProvider(byActor(newVault(t, keys)), sdk.WithSyncer(s))
	require.NoError(t, err)
	e := newEvent()
	e.Metadata = nil
	err = audit.Run(t.Context(), func(ctx context.Context) error { return p.Tracker("test").Track(ctx, e) },
		plumbing.WithClientMetadata(attribute.String("customer.agent", strings.Repeat("a", 600))))
	require.NoError(t, err)
	require.NoError(t, p.Shutdown(t.Context()))
	r := s.records[0]
	openings, err := erasure.Open(t.Context(), keys, r, "metadata.customer.agent")
	require.NoError(t, err)
	var text string
	require.NoError(t, json.Unmarshal(openings[0].Value, &text))
	assert.Len(t, text, erasure.MaxName)
	assert.Contains(t, r.Marks, mark.Mark{Path: "metadata.customer.agent", Kind: mark.Cut, Length: 600})
}

func TestShown(t *testing.T) {
	t.Parallel()
	r := tracked(t, newEvent(), byActor(newVault(t, newDir(t))))
	before, err := r.AppendJSON(nil)
	require.NoError(t, err)
	text, err := erasure.Shown(r).AppendJSON(nil)
	require.NoError(t, err)
	assert.NotContains(t, string(text), record.ErasablePrefix)
	assert.Equal(t, 11, strings.Count(string(text), erasure.ShownText))
	after, err := r.AppendJSON(nil)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	for _, v := range erasure.Values(r) {
		list := r.Clone()
		list.Metadata = append(list.Metadata, attribute.StringSlice("z", []string{"a", v.String()}))
		text, err = erasure.Shown(list).AppendJSON(nil)
		require.NoError(t, err)
		assert.NotContains(t, string(text), record.ErasablePrefix)
		assert.Contains(t, string(text), `"z":["a","`+erasure.ShownText+`"]`)
	}
	plain := tracked(t, newEvent())
	assert.Same(t, plain, erasure.Shown(plain))
}
