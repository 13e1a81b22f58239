package query_test

import (
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// each yields records and errors.
func each(all ...any) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for _, one := range all {
			r, _ := one.(*record.Record)
			err, _ := one.(error)
			if !yield(r, err) {
				return
			}
		}
	}
}

func judged(change func(r *record.Record)) *record.Record {
	r := &record.Record{Event: audit.Event{ID: audit.NewID(), Action: "a.b", Actor: audit.User("1")}}
	change(r)
	return r
}

// afterRule returns what the first line of the table says of the record's rule.
func afterRule(t *testing.T, out, rule string) string {
	t.Helper()
	_, behind, found := strings.Cut(strings.Split(out, "\n")[1], "  "+rule)
	require.True(t, found, "%s", out)
	return strings.TrimSpace(behind)
}

func TestDryRunRefusals(t *testing.T) {
	t.Parallel()
	p, err := policy.New(
		policy.Rule{Name: "probes", Routes: []string{"/healthz"}, Exempt: "reads nothing"},
		policy.Rule{Name: "known", Actions: []string{"a.known"}, RefuseAnonymous: true},
		policy.Rule{Name: "the rest of them", Require: []string{"changes", "metadata.ticket"}},
	)
	require.NoError(t, err)
	for _, tt := range []struct {
		name, rule, want string
		change           func(r *record.Record)
	}{
		{"all is missing", "the rest of them", "changes, metadata.ticket", func(*record.Record) {}},
		{"all is there", "the rest of them", "", func(r *record.Record) {
			r.Changes, r.Metadata = []audit.Change{{Field: "f"}}, []attribute.KeyValue{attribute.Bool("ticket", true)}
		}},
		{"all was there, and redacted", "the rest of them", "", func(r *record.Record) { r.Redacted = []string{"changes", "metadata.ticket"} }},
		{"a signal", "the rest of them", "", func(r *record.Record) { r.Kind = audit.KindSignal }},
		{"anonymous", "known", "anonymous", func(r *record.Record) { r.Action, r.Actor = "a.known", audit.Anonymous() }},
	} {
		var out strings.Builder
		require.NoError(t, query.DryRun(&out, p, each(judged(tt.change))))
		assert.Equal(t, tt.want, afterRule(t, out.String(), tt.rule), tt.name)
		refused := "          1          0\n"
		if tt.want != "" {
			refused = "          1          1\n"
		}
		assert.Contains(t, out.String(), refused, tt.name)
		assert.NotContains(t, out.String(), "probes", "it is about requests")
	}
}

// TestDryRunShows: a ledger may have been written by anybody, and is read on a terminal.
func TestDryRunShows(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, query.DryRun(&out, nil, each(judged(func(r *record.Record) { r.Channel, r.Action = "\x1b[2J", "\u202ex" }))))
	assert.Contains(t, out.String(), `"\u202ex"`)
	assert.Contains(t, out.String(), `"\x1b[2J"`)
	assert.Contains(t, out.String(), "(no rule)          1          0\n")
	assert.NotContains(t, out.String(), "No record met")
}

func TestDryRunErrors(t *testing.T) {
	t.Parallel()
	broken, worse := errors.New("broken"), errors.New("worse")
	same := func(*record.Record) {}
	var out strings.Builder
	err := query.DryRun(&out, nil, each(broken, judged(same), worse, judged(same)))
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, worse)
	assert.Contains(t, out.String(), "(no rule)          2          0\n\nNot readable, and not judged: 2\n")

	read := 0
	require.ErrorIs(t, query.DryRun(&full{room: 10_000}, nil, func(yield func(*record.Record, error) bool) {
		for read < 1000 && yield(judged(same), nil) {
			read++
		}
	}), errFull)
	assert.Less(t, read, 200, "it goes no further")
	require.ErrorIs(t, query.DryRun(&full{}, nil, each()), errFull)
}

var errFull = errors.New("full")

// full is a writer that fails once its room is used up.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}
