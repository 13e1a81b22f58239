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

// sequence yields records and errors, as a Reader does.
func sequence(results ...any) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for _, result := range results {
			r, _ := result.(*record.Record)
			err, _ := result.(error)
			if !yield(r, err) {
				return
			}
		}
	}
}

func newRecord(change func(r *record.Record)) *record.Record {
	r := &record.Record{Event: audit.Event{ID: audit.NewID(), Action: "a.b", Actor: audit.User("1")}}
	change(r)
	return r
}

// rejectedFor returns the last column of the report's first record, which matched rule.
func rejectedFor(t *testing.T, out, rule string) string {
	t.Helper()
	_, rest, found := strings.Cut(strings.Split(out, "\n")[1], "  "+rule)
	require.True(t, found, "%s", out)
	return strings.TrimSpace(rest)
}

func TestDryRunRejections(t *testing.T) {
	t.Parallel()
	p, err := policy.New(
		policy.Rule{Name: "probes", Routes: []string{"/healthz"}, Exempt: "reads nothing"},
		policy.Rule{Name: "known", Actions: []string{"a.known"}, RejectAnonymous: true},
		policy.Rule{Name: "the rest of them", Require: []string{"changes", "metadata.ticket"}},
	)
	require.NoError(t, err)
	for _, tt := range []struct {
		name, rule, want string
		change           func(r *record.Record)
	}{
		{"all missing", "the rest of them", "changes, metadata.ticket", func(*record.Record) {}},
		{"all present", "the rest of them", "", func(r *record.Record) {
			r.Changes, r.Metadata = []audit.Change{{Field: "f"}}, []attribute.KeyValue{attribute.Bool("ticket", true)}
		}},
		{"all redacted", "the rest of them", "", func(r *record.Record) { r.Redacted = []string{"changes", "metadata.ticket"} }},
		{"signal", "the rest of them", "", func(r *record.Record) { r.Kind = audit.KindSignal }},
		{"anonymous", "known", "anonymous", func(r *record.Record) { r.Action, r.Actor = "a.known", audit.Anonymous() }},
	} {
		var out strings.Builder
		require.NoError(t, query.DryRun(&out, p, sequence(newRecord(tt.change))))
		assert.Equal(t, tt.want, rejectedFor(t, out.String(), tt.rule), tt.name)
		totals := "          1          0\n"
		if tt.want != "" {
			totals = "          1          1\n"
		}
		assert.Contains(t, out.String(), totals, tt.name)
		assert.NotContains(t, out.String(), "probes", "a request rule is not listed")
	}
}

// TestDryRunQuotes: records of an untrusted store must not control a terminal.
func TestDryRunQuotes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, query.DryRun(&out, nil, sequence(newRecord(func(r *record.Record) { r.Channel, r.Action = "\x1b[2J", "\u202ex" }))))
	assert.Contains(t, out.String(), `"\u202ex"`)
	assert.Contains(t, out.String(), `"\x1b[2J"`)
	assert.Contains(t, out.String(), "(no rule)          1          0\n")
	assert.NotContains(t, out.String(), "No record matched")
}

func TestDryRunErrors(t *testing.T) {
	t.Parallel()
	err1, err2 := errors.New("first"), errors.New("second")
	unchanged := func(*record.Record) {}
	var out strings.Builder
	err := query.DryRun(&out, nil, sequence(err1, newRecord(unchanged), err2, newRecord(unchanged)))
	require.ErrorIs(t, err, err1)
	require.ErrorIs(t, err, err2)
	assert.Contains(t, out.String(), "(no rule)          2          0\n\nSkipped, because they could not be read: 2\n")

	read := 0
	require.ErrorIs(t, query.DryRun(&fullWriter{room: 10_000}, nil, func(yield func(*record.Record, error) bool) {
		for read < 1000 && yield(newRecord(unchanged), nil) {
			read++
		}
	}), errFull)
	assert.Less(t, read, 200, "it stops at the first failed write")
	require.ErrorIs(t, query.DryRun(&fullWriter{}, nil, sequence()), errFull)
}

var errFull = errors.New("full")

// fullWriter fails after room bytes.
type fullWriter struct{ room int }

func (f *fullWriter) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}
