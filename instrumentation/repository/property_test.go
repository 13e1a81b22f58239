package auditrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// contents has the fields of each object, by id.
type contents map[string]map[string]string

// apply checks the old values of a record and applies its changes.
func (s contents) apply(t *testing.T, r *record.Record) {
	t.Helper()
	id := r.Target.ID
	if r.Outcome != audit.OutcomeSuccess {
		require.Empty(t, r.Changes, "a failed write has no changes")
		return
	}
	switch r.Operation {
	case audit.OperationCreate:
		require.NotContains(t, s, id)
		s[id] = map[string]string{}
	default:
		require.Contains(t, s, id)
	}
	for _, c := range r.Changes {
		if c.Redacted {
			continue
		}
		old, ok := s[id][c.Field]
		require.Equal(t, ok, !isEmpty(c.Old))
		if ok {
			require.Equal(t, old, c.Old.String())
		}
		if delete(s[id], c.Field); !isEmpty(c.New) {
			s[id][c.Field] = c.New.String()
		}
	}
	if r.Operation == audit.OperationDelete {
		require.Empty(t, s[id], "every field is recorded")
		delete(s, id)
	}
}

// isEmpty reports whether v is EMPTY or an empty list, which are the same to a diff.
func isEmpty(v attribute.Value) bool {
	return v.Type() == attribute.EMPTY || v.Type() == attribute.STRINGSLICE && len(v.AsStringSlice()) == 0
}

// contentsOf returns the recorded fields of the objects in the store.
func contentsOf(m *memory) contents {
	all := contents{}
	for id, a := range m.articles {
		all[id] = map[string]string{"title": a.Title}
		if len(a.Tags) > 0 {
			all[id]["tags"] = attribute.StringSliceValue(a.Tags).String()
		}
	}
	return all
}

// TestReplay runs random operations with random failures on a store that changes objects
// in place. Each operation must yield exactly one intent with the right outcome, and no
// signal. Applying all changes must reproduce the contents of the store, and a masked
// change must appear exactly if the body changed.
func TestReplay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		replay(t, rand.New(rand.NewPCG(seed, 1)))
	}
}

func replay(t *testing.T, r *rand.Rand) {
	t.Helper()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	m := newMemory(nil)
	s := newAuditor(t, tracker, config()).Store(m)
	broken := errors.New("broken")
	state := contents{}
	texts := []string{"", "a", "b", "c"}
	text := func() string { return texts[r.IntN(len(texts))] }
	tags := func() []string { return slices.Clone([][]string{nil, {}, {"x"}, {"x", "y"}, {"z", "y"}}[r.IntN(5)]) }

	for range 40 {
		ctx, scope := audit.NewScope(as(t, "42"))
		id := fmt.Sprint(r.IntN(4))
		stored, exists := m.articles[id]
		value := &article{ID: id, Title: text(), Body: text(), Tags: tags()}
		op := []audit.Operation{audit.OperationCreate, audit.OperationUpdate, audit.OperationDelete}[r.IntN(3)]
		if op == audit.OperationCreate && exists {
			op = audit.OperationUpdate
		}
		bodyChanges := op == audit.OperationUpdate && exists && stored.Body != value.Body
		failure := []error{nil, nil, nil, broken, fs.ErrPermission}[r.IntN(5)]
		undo := maps.Clone(m.articles) // restored if the write fails
		if exists {
			before := *stored
			before.Tags = slices.Clone(stored.Tags)
			undo[id] = &before
		}
		m.afterWrite = func(ctx context.Context) error {
			if failure != nil {
				m.articles = undo
				return failure
			}
			return tracker.Track(ctx, signal(op, id))
		}
		want := audit.OutcomeSuccess
		switch {
		case op != audit.OperationCreate && !exists:
			failure, want = errNotFound, audit.OutcomeFailure
		case errors.Is(failure, broken):
			want = audit.OutcomeFailure
		case failure != nil:
			want = audit.OutcomeDenied
		}

		var err error
		switch op {
		case audit.OperationCreate:
			err = s.Create(ctx, value)
		case audit.OperationUpdate:
			err = s.Update(ctx, value)
		default:
			err = s.Delete(ctx, id)
		}
		require.Equal(t, failure, err)
		require.NoError(t, scope.End(ctx))

		records := recorder.Records()
		recorder.Reset()
		require.Len(t, records, 1)
		record := records[0]
		require.Equal(t, audit.KindIntent, record.Kind)
		require.Equal(t, op, record.Operation)
		require.Equal(t, want, record.Outcome)
		require.Equal(t, id, record.Target.ID)
		if op == audit.OperationUpdate && want == audit.OutcomeSuccess {
			masked := slices.ContainsFunc(record.Changes, func(c audit.Change) bool { return c.Redacted })
			require.Equal(t, bodyChanges, masked)
		}
		state.apply(t, record)
		require.Equal(t, contentsOf(m), state)
	}
}
