package erasure_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

var user42 = erasure.Subject{Type: "user", ID: "42"}

// The seal of a ledger still holds after an erasure, which is recorded in the ledger itself.
func TestEraseKeepsTheSeal(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(t, err)
	keys := newDir(t)
	dir, anchor := filepath.Join(temp, "ledger"), filepath.Join(temp, "anchor")
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(dir), sdk.WithSeal(key, seal.WithAnchor(seal.AnchorFile(anchor))), byActor(newVault(t, keys)))
	require.NoError(t, err)
	tracker := p.Tracker("test")
	require.NoError(t, tracker.Track(t.Context(), newEvent()))
	k, err := keys.Key(t.Context(), user42)
	require.NoError(t, err)

	ctx := audit.ContextWithActor(t.Context(), audit.User("dpo"))
	result, err := erasure.Erase(ctx, keys, tracker, erasure.Request{Subject: user42, Reason: "request 7", Held: erasure.NoHolds})
	require.NoError(t, err)
	assert.Equal(t, k.ID(), result.Key)
	assert.True(t, result.Before.IsZero())
	require.NoError(t, p.Shutdown(t.Context()))

	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	held, err := os.ReadFile(anchor)
	require.NoError(t, err)
	report, err := seal.Verify(t.Context(), r, seal.VerifyOptions{Keys: []note.Verifier{key.Verifier()}, Held: held})
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.EqualValues(t, 3, report.Proved)

	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	var actions []string
	for r, err := range reader.Find(t.Context(), query.Filter{Ascending: true}) {
		require.NoError(t, err)
		actions = append(actions, r.Action+" "+r.Outcome.String())
		if r.Action == semconv.ActionSubjectErase {
			assert.Equal(t, audit.Target{Type: "user", ID: "42"}, r.Target)
			assert.Equal(t, "dpo", r.Actor.ID)
			assert.Equal(t, []string{"reason"}, r.Redacted, "the ID of the key is shown")
			continue
		}
		_, err := erasure.Open(t.Context(), keys, r, "metadata.customer.email")
		requireErased(t, err)
	}
	assert.Equal(t, []string{"customer.update success", "audit.subject.erase unknown", "audit.subject.erase success"}, actions)
}

func TestEraseIsRecorded(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	ctx := audit.ContextWithActor(t.Context(), audit.User("dpo"))
	request := erasure.Request{Subject: user42, Reason: "request 7", Held: erasure.NoHolds}
	_, err := erasure.Erase(ctx, keys, tracker, request)
	require.ErrorIs(t, err, erasure.ErrNoKey)
	require.Empty(t, recorder.Records(), "a name that nobody knows is a mistake")

	k, err := keys.Key(t.Context(), user42)
	require.NoError(t, err)
	held := request
	held.Held = func(_ context.Context, got *erasure.Key) ([]string, error) {
		assert.Equal(t, k.ID(), got.ID())
		return []string{"case-17"}, nil
	}
	_, err = erasure.Erase(ctx, keys, tracker, held)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, "case-17")
	recorder.RequireRecord(t, audittest.Action(semconv.ActionSubjectErase), audittest.Outcome(audit.OutcomeDenied))
	held.Held = func(context.Context, *erasure.Key) ([]string, error) { return nil, errors.New("no route to host") }
	_, err = erasure.Erase(ctx, keys, tracker, held)
	require.ErrorContains(t, err, "no route")
	_, err = keys.Existing(t.Context(), user42)
	require.NoError(t, err, "the key stays")

	for _, bad := range []erasure.Request{{Subject: user42, Held: erasure.NoHolds}, {Subject: user42, Reason: "x"}} {
		_, err = erasure.Erase(ctx, keys, tracker, bad)
		require.Error(t, err)
	}
	_, err = erasure.Erase(t.Context(), keys, tracker, request)
	require.Error(t, err, "without an actor")
	_, err = keys.Existing(t.Context(), user42)
	require.NoError(t, err, "what cannot be recorded is not done")

	_, err = erasure.Erase(ctx, keys, tracker, request)
	require.NoError(t, err)
	again, err := erasure.Erase(ctx, keys, tracker, request)
	require.NoError(t, err)
	assert.Equal(t, k.ID(), again.Key)
	assert.False(t, again.Before.IsZero())
}

func TestDisclosure(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	r := tracked(t, newEvent(), byActor(newVault(t, keys)))
	for field, want := range map[string]string{
		"metadata.customer.email": `"` + email + `"`, "metadata.people.customer.a": `"x""y"`,
		"changes.customer.größe in m.new": "1.5", "reason": `"Alice asked for it"`,
	} {
		d, err := erasure.Disclose(t.Context(), keys, r, field)
		require.NoError(t, err)
		d.Proof = []byte("c2sp.org/tlog-proof@v1\n")
		text, err := d.Encode()
		require.NoError(t, err)
		back, err := erasure.ReadDisclosure(text)
		require.NoError(t, err, field)
		require.Equal(t, d.Openings, back.Openings)
		require.Equal(t, d.Proof, back.Proof)
		var values []byte
		for _, o := range back.Openings {
			values = append(values, o.Value...)
		}
		require.Equal(t, want, string(values))
		var compact bytes.Buffer
		require.NoError(t, json.Compact(&compact, text))
		_, err = erasure.ReadDisclosure(compact.Bytes())
		require.NoError(t, err, "however it is laid out")
	}
}

// A disclosure of which anything was changed is rejected.
func TestDisclosureForged(t *testing.T) {
	t.Parallel()
	keys := newDir(t)
	r := tracked(t, newEvent(), byActor(newVault(t, keys)))
	d, err := erasure.Disclose(t.Context(), keys, r, "metadata.customer.email")
	require.NoError(t, err)
	people, err := erasure.Disclose(t.Context(), keys, r, "metadata.people.customer.a")
	require.NoError(t, err)
	reject := func(what string, forged erasure.Disclosure) {
		text, err := forged.Encode()
		require.NoError(t, err)
		_, err = erasure.ReadDisclosure(text)
		require.ErrorIs(t, err, erasure.ErrNotDisclosed, what)
	}
	for what, change := range map[string]func(o *erasure.Opening){
		"the value":      func(o *erasure.Opening) { o.Value = []byte(`"mallory@wonderland.example"`) },
		"its type":       func(o *erasure.Opening) { o.Value = []byte(`["` + email + `"]`) },
		"the salt":       func(o *erasure.Opening) { o.Salt[31] ^= 1 },
		"the commitment": func(o *erasure.Opening) { o.Commitment[0] ^= 1 },
		"all of it":      func(o *erasure.Opening) { *o = people.Openings[0] },
	} {
		forged := *d
		forged.Openings = []erasure.Opening{d.Openings[0]}
		change(&forged.Openings[0])
		reject(what, forged)
	}
	forged := *d
	forged.Field = "changes.customer.email.new"
	reject("another field", forged)
	forged = *d
	other := *r
	other.ID[15] = 7
	forged.Record = &other
	reject("another record", forged)
	forged = *d
	forged.Openings = nil
	reject("no value", forged)
	forged.Openings = []erasure.Opening{d.Openings[0], d.Openings[0]}
	reject("the value twice", forged)
	forged = *people
	forged.Openings = people.Openings[:1]
	reject("one of two values", forged)
	forged.Openings = []erasure.Opening{people.Openings[1], people.Openings[0]}
	reject("in another order", forged)
	plain := *r
	plain.Redacted = nil
	forged = *d
	forged.Record = &plain
	reject("a text that only looks like an erasable value", forged)
}
