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

// refusedError is a store's own type of error, whose text has a value.
type refusedError struct{ title string }

func (e *refusedError) Error() string { return "the title is bad: " + e.title }

// Who changed it and how, by a store: every operation × how it ends. The store signals
// what it wrote before it fails, so that a failure leaves the signal, too.
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
		// What is recorded of a success, behind target and name, and the name otherwise.
		id, name1, changes, name2 string
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
	type row struct {
		forgotten bool // the application uses the store itself
		cancelled bool
		meanwhile func(context.Context) error
		outcome   string
		errorType string
		check     func(t *testing.T, e end)
	}
	broken := errors.New("disk of 10.0.0.1 is full")
	ends := map[string]row{
		"stated": {outcome: "success", check: func(t *testing.T, e end) {
			t.Helper()
			assert.Equal(t, end{}, e)
		}},
		"forgotten": {forgotten: true, check: func(t *testing.T, e end) {
			t.Helper()
			assert.Equal(t, end{}, e)
		}},
		"failed": {
			meanwhile: func(context.Context) error { return broken }, outcome: "failure", errorType: "*errors.errorString",
			check: func(t *testing.T, e end) {
				t.Helper()
				assert.Same(t, broken, e.err, "as it is")
			},
		},
		"failed by its type": {
			meanwhile: func(context.Context) error { return fmt.Errorf("store: %w", &refusedError{"New"}) },
			outcome:   "failure", errorType: "*auditrepo_test.refusedError",
			check: func(t *testing.T, e end) {
				t.Helper()
				_, ok := errors.AsType[*refusedError](e.err)
				assert.True(t, ok)
			},
		},
		"denied": {
			meanwhile: func(context.Context) error { return &fs.PathError{Op: "write", Path: "New", Err: fs.ErrPermission} },
			outcome:   "denied", errorType: "*fs.PathError",
			check: func(t *testing.T, e end) {
				t.Helper()
				assert.ErrorIs(t, e.err, fs.ErrPermission)
			},
		},
		"panicked": {
			meanwhile: func(context.Context) error { panic(broken) }, outcome: "failure", errorType: "aborted",
			check: func(t *testing.T, e end) {
				t.Helper()
				assert.Equal(t, end{panicked: broken}, e)
			},
		},
		"exited": {
			meanwhile: exit, outcome: "failure", errorType: "aborted",
			check: func(t *testing.T, e end) {
				t.Helper()
				assert.Equal(t, end{exited: true}, e)
			},
		},
		"cancelled": {
			cancelled: true,
			meanwhile: func(ctx context.Context) error { return fmt.Errorf("store: %w", ctx.Err()) },
			outcome:   "failure", errorType: "context.Canceled",
			check: func(t *testing.T, e end) {
				t.Helper()
				assert.ErrorIs(t, e.err, context.Canceled)
			},
		},
		"timed out": {
			meanwhile: func(context.Context) error { return fmt.Errorf("store: %w", context.DeadlineExceeded) },
			outcome:   "failure", errorType: "context.DeadlineExceeded",
			check: func(t *testing.T, e end) {
				t.Helper()
				assert.ErrorIs(t, e.err, context.DeadlineExceeded)
			},
		},
		"cancelled and done": {cancelled: true, outcome: "success", check: func(t *testing.T, e end) {
			t.Helper()
			assert.Equal(t, end{}, e)
		}},
	}
	for name, r := range ends {
		for _, op := range operations {
			for _, scoped := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %s in a scope %t", op.name, name, scoped), func(t *testing.T) {
					t.Parallel()
					recorder := audittest.NewRecorder(t)
					tracker := recorder.Tracker("test")
					m := newMemory(tracker, article{ID: "1", Title: "Old", Body: "a", Tags: []string{"x", "y"}})
					m.meanwhile = r.meanwhile
					s := newAuditor(t, tracker, config()).Store(m)
					if r.forgotten {
						s = m
					}
					ctx, cancel := context.WithCancel(as(t, "42"))
					defer cancel()
					if r.cancelled {
						cancel()
					}
					var scope *audit.Scope
					if scoped {
						ctx, scope = audit.NewScope(ctx)
					}
					r.check(t, run(func() error { return op.run(ctx, s) }))
					require.NoError(t, scope.End(t.Context()))

					var want []string
					head := func(kind, outcome string) string {
						return fmt.Sprintf("%s article.%s %s %s by user:42 on article/%s", kind, op.name, op.name, outcome, op.id)
					}
					switch {
					case r.forgotten:
						want = []string{head("signal", "success")}
					case r.outcome == "success":
						want = []string{head("intent", "success") + op.name1 + op.changes}
					default:
						want = []string{
							head("intent", r.outcome) + op.name2 + " error.type=" + r.errorType,
							head("signal", "success"),
						}
					}
					assert.Equal(t, want, trail(recorder))
				})
			}
		}
	}
}

// A sibling's signal is recorded, and so is one of another operation.
func TestSignalsOfOthersRemain(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	m := newMemory(tracker, article{ID: "1", Title: "Old"}, article{ID: "2"})
	m.meanwhile = func(ctx context.Context) error {
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

// What comes after the call, such as the signal of a transaction that is committed
// later, is covered in the scope that was there.
func TestLateSignalIsCovered(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	var late context.Context
	m := newMemory(nil, article{ID: "1", Title: "Old"})
	m.meanwhile = func(ctx context.Context) error {
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

// A scope that has ended holds no signals: the call has one of its own.
func TestAfterTheScope(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	s := newAuditor(t, tracker, config()).Store(newMemory(tracker, article{ID: "1", Title: "Old"}))
	ctx, scope := audit.NewScope(t.Context(), audit.WithActor(audit.User("42")))
	require.NoError(t, scope.End(ctx))
	require.NoError(t, s.Update(ctx, &article{ID: "1", Title: "Old"}))
	assert.Equal(t, []string{`intent article.update update success by user:42 on article/1 "Old"`}, trail(recorder))
}

// Reads are recorded where that was asked for, and signals of writes are no business of
// theirs.
func TestReads(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	m := newMemory(nil, article{ID: "1", Title: "Old"})
	quiet := newAuditor(t, tracker, config())
	loudly := config()
	loudly.Reads = true
	loud := newAuditor(t, tracker, loudly)

	a, err := quiet.Store(m).Get(t.Context(), "1")
	require.NoError(t, err)
	assert.Equal(t, "Old", a.Title)
	recorder.RequireNoRecord(t)

	a, err = loud.Store(m).Get(as(t, "42"), "1")
	require.NoError(t, err)
	assert.Equal(t, "Old", a.Title)
	_, err = quiet.Getter(m).Get(as(t, "42"), "2")
	assert.Same(t, errNotFound, err)

	a, err = loud.Store(m).Get(t.Context(), "1")
	require.ErrorIs(t, err, audit.ErrNoActor)
	assert.Nil(t, a)

	assert.Equal(t, []string{
		`intent article.read read success by user:42 on article/1 "Old"`,
		"intent article.read read failure by user:42 on article/2 error.type=*errors.errorString",
	}, trail(recorder))
}

func TestDeniedByTheApplication(t *testing.T) {
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
