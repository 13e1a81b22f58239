package redact_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// specimen is a line of the corpus. Values are split into parts, so that scanners of
// repositories do not take invented keys for real ones.
type specimen struct {
	Kind   string   `json:"kind"`
	Key    string   `json:"key"`
	Value  []string `json:"value"`
	Secret []string `json:"secret"`
}

func (s specimen) value() string  { return strings.Join(s.Value, "") }
func (s specimen) secret() string { return strings.Join(s.Secret, "") }

func corpus(tb testing.TB, name string) []specimen {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	require.NoError(tb, err)
	defer f.Close()
	var all []specimen
	seen := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var s specimen
		require.NoError(tb, json.Unmarshal(lines.Bytes(), &s))
		require.False(tb, seen[s.Key+"\x00"+s.value()], "duplicate: %s", lines.Text())
		seen[s.Key+"\x00"+s.value()] = true
		all = append(all, s)
	}
	require.NoError(tb, lines.Err())
	require.GreaterOrEqual(tb, len(all), 200)
	return all
}

// redactSpecimen redacts a record that contains the value in several places.
func redactSpecimen(tb testing.TB, d *redact.Redactor, s specimen) *record.Record {
	tb.Helper()
	value := attribute.StringValue(s.value())
	r := &record.Record{Event: audit.Event{
		Metadata: []attribute.KeyValue{
			attribute.Map("nested", attribute.KeyValue{Key: "list", Value: attribute.SliceValue(
				attribute.MapValue(attribute.KeyValue{Key: attribute.Key(s.Key), Value: value}))}),
			{Key: attribute.Key(s.Key), Value: value},
		},
		Changes: []audit.Change{{Field: "account." + s.Key, Old: value, New: value}},
	}}
	if s.Kind != "key" {
		r.Reason, r.Target.Name, r.Actor.Name = s.value(), s.value(), s.value()
	}
	d.Redact(r)
	return r
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	d, err := redact.New()
	require.NoError(t, err)

	secrets, hits := corpus(t, "secrets.jsonl"), 0
	for _, s := range secrets {
		r := redactSpecimen(t, d, s)
		shown := show(r)
		if leaks(shown, s.secret()) || len(r.Redacted) == 0 {
			t.Logf("missed %s: %s", s.Kind, s.Key)
			continue
		}
		hits++
	}
	lookalikes, alarms := corpus(t, "lookalikes.jsonl"), 0
	for _, s := range lookalikes {
		if r := redactSpecimen(t, d, s); len(r.Redacted) > 0 {
			t.Logf("false alarm on %s: %s = %q %v", s.Kind, s.Key, s.value(), r.Redacted)
			alarms++
		}
	}
	t.Logf("%d of %d secrets found (%.1f %%), %d false alarms in %d look-alikes (%.1f %%)",
		hits, len(secrets), 100*float64(hits)/float64(len(secrets)),
		alarms, len(lookalikes), 100*float64(alarms)/float64(len(lookalikes)))
	assert.Equal(t, len(secrets), hits)
	assert.Zero(t, alarms)
}

// show returns all texts of a record.
func show(r *record.Record) string {
	var b strings.Builder
	b.WriteString(r.Reason + "\n" + r.Target.Name + "\n" + r.Actor.Name + "\n" + r.Actor.ID + "\n" + r.Target.ID + "\n")
	for _, kv := range append(r.Metadata, r.Overridden...) {
		b.WriteString(string(kv.Key) + "=" + kv.Value.String() + "\n")
	}
	for _, c := range r.Changes {
		b.WriteString(c.Field + " " + c.Old.String() + " " + c.New.String() + "\n")
	}
	b.WriteString(strings.Join(r.Redacted, "\n"))
	return b.String()
}
