package auditrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// validationError is an error type of the store. Its text contains a value.
type validationError struct{ title string }

func (e *validationError) Error() string { return "invalid title: " + e.title }

// TestOutcomes covers every operation with every way a call can end. The store tracks a
// signal before it fails, so a failed call has both records.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	const (
		created = " [title nothing -> New] [body nothing -> ***REDACTED***] [tags nothing -> [\"a\"]]"
		updated = " [title Old -> New] [body ***REDACTED*** -> ***REDACTED***] [tags [\"x\",\"y\"] -> [\"a\"]]"
		deleted = " [title Old -> nothing] [body ***REDACTED*** -> nothing] [tags [\"x\",\"y\"] -> nothing]"
	)
	operations := []struct {
		name string
		run  func(ctx context.Context, s auditrepo.Store[*article, string]) error
		// The expected target: its id, and its name and changes after a success, or its
		// name after a failure.
		id, targetName, changes, failedTargetName string
	}{
		{"create", func(ctx context.Context, s auditrepo.Store[*article, string]) error {
			return s.Create(ctx, &article{Title: "New", Body: "b", Tags: []string{"a"}})
		}, "new-1", ` "New"`, created, ""},
		{"update", func(ctx context.Context, s auditrepo.Store[*article, string]) error {
			return s.Update(ctx, &article{ID: "1", Title: "New", Body: "b", Tags: []string{"a"}})
		}, "1", ` "New"`, updated, ` "Old"`},
		{"delete", func(ctx context.Context, s auditrepo.Store[*article, string]) error {
			return s.Delete(ctx, "1")
		}, "1", ` "Old"`, deleted, ` "Old"`},
	}
	type testCase struct {
		undecorated bool // the application calls the store itself
		canceled    bool
		afterWrite  func(context.Context) error
		outcome     string
		errorType   string
		check       func(t *testing.T, r result)
	}
	broken := errors.New("disk of 10.0.0.1 is full")
	endings := map[string]testCase{
		"succeeded": {outcome: "success", check: func(t *testing.T, r result) {
			t.Helper()
			assert.Equal(t, result{}, r)
		}},
		"undecorated": {undecorated: true, check: func(t *testing.T, r result) {
			t.Helper()
			assert.Equal(t, result{}, r)
		}},
		"failed": {
			afterWrite: func(context.Context) error { return broken }, outcome: "failure", errorType: "*errors.errorString",
			check: func(t *testing.T, r result) {
				t.Helper()
				assert.Same(t, broken, r.err, "unchanged")
			},
		},
		"failed with an error type": {
			afterWrite: func(context.Context) error { return fmt.Errorf("store: %w", &validationError{"New"}) },
			outcome:    "failure", errorType: "*auditrepo_test.validationError",
			check: func(t *testing.T, r result) {
				t.Helper()
				_, ok := errors.AsType[*validationError](r.err)
				assert.True(t, ok)
			},
		},
		"denied": {
			afterWrite: func(context.Context) error { return &fs.PathError{Op: "write", Path: "New", Err: fs.ErrPermission} },
			outcome:    "denied", errorType: "*fs.PathError",
			check: func(t *testing.T, r result) {
				t.Helper()
				assert.ErrorIs(t, r.err, fs.ErrPermission)
			},
		},
		"panicked": {
			afterWrite: func(context.Context) error { panic(broken) }, outcome: "failure", errorType: "aborted",
			check: func(t *testing.T, r result) {
				t.Helper()
				assert.Equal(t, result{panicked: broken}, r)
			},
		},
		"exited": {
			afterWrite: exit, outcome: "failure", errorType: "aborted",
			check: func(t *testing.T, r result) {
				t.Helper()
				assert.Equal(t, result{exited: true}, r)
			},
		},
		"canceled": {
			canceled:   true,
			afterWrite: func(ctx context.Context) error { return fmt.Errorf("store: %w", ctx.Err()) },
			outcome:    "failure", errorType: "context.Canceled",
			check: func(t *testing.T, r result) {
				t.Helper()
				assert.ErrorIs(t, r.err, context.Canceled)
			},
		},
		"timed out": {
			afterWrite: func(context.Context) error { return fmt.Errorf("store: %w", context.DeadlineExceeded) },
			outcome:    "failure", errorType: "context.DeadlineExceeded",
			check: func(t *testing.T, r result) {
				t.Helper()
				assert.ErrorIs(t, r.err, context.DeadlineExceeded)
			},
		},
		"canceled but succeeded": {canceled: true, outcome: "success", check: func(t *testing.T, r result) {
			t.Helper()
			assert.Equal(t, result{}, r)
		}},
	}
	for ending, tc := range endings {
		for _, op := range operations {
			for _, scoped := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %s scoped=%t", op.name, ending, scoped), func(t *testing.T) {
					t.Parallel()
					recorder := audittest.NewRecorder(t)
					tracker := recorder.Tracker("test")
					m := newMemory(tracker, article{ID: "1", Title: "Old", Body: "a", Tags: []string{"x", "y"}})
					m.afterWrite = tc.afterWrite
					s := newAuditor(t, tracker, config()).Store(m)
					if tc.undecorated {
						s = m
					}
					ctx, cancel := context.WithCancel(as(t, "42"))
					defer cancel()
					if tc.canceled {
						cancel()
					}
					var scope *audit.Scope
					if scoped {
						ctx, scope = audit.NewScope(ctx)
					}
					tc.check(t, run(func() error { return op.run(ctx, s) }))
					require.NoError(t, scope.End(t.Context()))

					var want []string
					head := func(kind, outcome string) string {
						return fmt.Sprintf("%s article.%s %s %s by user:42 on article/%s", kind, op.name, op.name, outcome, op.id)
					}
					switch {
					case tc.undecorated:
						want = []string{head("signal", "success")}
					case tc.outcome == "success":
						want = []string{head("intent", "success") + op.targetName + op.changes}
					default:
						want = []string{
							head("intent", tc.outcome) + op.failedTargetName + " error.type=" + tc.errorType,
							head("signal", "success"),
						}
					}
					assert.Equal(t, want, trail(recorder))
				})
			}
		}
	}
}

// An event does not cover signals of another target or operation.
func TestOtherSignalsAreRecorded(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	m := newMemory(tracker, article{ID: "1", Title: "Old"}, article{ID: "2"})
	m.afterWrite = func(ctx context.Context) error {
		return errors.Join(
			tracker.Track(ctx, signal(audit.OperationUpdate, "2")),
			tracker.Track(ctx, signal(audit.OperationDelete, "1")),
			tracker.Track(ctx, signal(audit.OperationUpdate, "1")),
		)
	}
	s := newAuditor(t, tracker, config()).Store(m)
	require.NoError(t, s.Update(as(t, "42"), &article{ID: "1", Title: "Old"}))
	assert.Equal(t, []string{
		`intent article.update update success by user:42 on article/1 "Old"`,
		"signal article.update update success by user:42 on article/2",
		"signal article.delete delete success by user:42 on article/1",
	}, trail(recorder))
}

// In an open scope the event also covers a signal after the call, such as that of a
// transaction that commits later.
func TestLateSignalIsCovered(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	var late context.Context
	m := newMemory(nil, article{ID: "1", Title: "Old"})
	m.afterWrite = func(ctx context.Context) error {
		late = ctx
		return nil
	}
	s := newAuditor(t, tracker, config()).Store(m)
	ctx, scope := audit.NewScope(as(t, "42"))
	require.NoError(t, s.Update(ctx, &article{ID: "1", Title: "Old"}))
	require.NoError(t, tracker.Track(late, signal(audit.OperationUpdate, "1")))
	require.NoError(t, scope.End(ctx))
	assert.Equal(t, []string{`intent article.update update success by user:42 on article/1 "Old"`}, trail(recorder))
}

// A scope that has ended holds no signals, so the call opens its own.
func TestAfterScopeEnd(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	s := newAuditor(t, tracker, config()).Store(newMemory(tracker, article{ID: "1", Title: "Old"}))
	ctx, scope := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
	require.NoError(t, scope.End(ctx))
	require.NoError(t, s.Update(ctx, &article{ID: "1", Title: "Old"}))
	assert.Equal(t, []string{`intent article.update update success by user:42 on article/1 "Old"`}, trail(recorder))
}

// Reads are recorded with RecordReads or by a decorated Getter.
func TestReads(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	m := newMemory(nil, article{ID: "1", Title: "Old"})
	writesOnly := newAuditor(t, tracker, config())
	c := config()
	c.RecordReads = true
	recordsReads := newAuditor(t, tracker, c)

	a, err := writesOnly.Store(m).Get(t.Context(), "1")
	require.NoError(t, err)
	assert.Equal(t, "Old", a.Title)
	recorder.RequireNoRecord(t)

	a, err = recordsReads.Store(m).Get(as(t, "42"), "1")
	require.NoError(t, err)
	assert.Equal(t, "Old", a.Title)
	_, err = writesOnly.Getter(m).Get(as(t, "42"), "2")
	assert.Same(t, errNotFound, err)

	a, err = recordsReads.Store(m).Get(t.Context(), "1")
	require.ErrorIs(t, err, audit.ErrNoActor)
	assert.Nil(t, a)

	assert.Equal(t, []string{
		`intent article.read read success by user:42 on article/1 "Old"`,
		"intent article.read read failure by user:42 on article/2 error.type=*errors.errorString",
	}, trail(recorder))
}

func TestCustomDenied(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	c := config()
	c.Denied = func(err error) bool { return errors.Is(err, errNotFound) }
	s := newAuditor(t, recorder.Tracker("test"), c).Store(newMemory(nil))
	assert.Same(t, errNotFound, s.Delete(auditrepo.ContextWithReason(as(t, "42"), "spam"), "1"))
	assert.Equal(t, []string{
		"intent article.delete delete denied by user:42 on article/1 error.type=*errors.errorString because spam",
	}, trail(recorder))
}
