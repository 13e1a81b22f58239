package sdk_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/lockedbuffer"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// observed returns options for a provider, its metrics and its log.
func observed() (options []sdk.Option, reader sdkmetric.Reader, logs *lockedbuffer.Buffer) {
	reader, logs = sdkmetric.NewManualReader(), &lockedbuffer.Buffer{}
	return []sdk.Option{
		sdk.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))),
		sdk.WithLogger(slog.New(slog.NewTextHandler(logs, nil))),
	}, reader, logs
}

// TestHungExporterIsReported counts and logs a call that hangs once, however many records
// wait for it.
func TestHungExporterIsReported(t *testing.T) {
	t.Parallel()
	for name, deliver := range map[string]func(*sink) sdk.Option{
		"syncer":  func(s *sink) sdk.Option { return sdk.WithSyncer(s) },
		"batcher": func(s *sink) sdk.Option { return sdk.WithBatcher(s, sdk.WithExportTimeout(time.Second)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				s := &sink{export: func(context.Context, []*record.Record) error {
					<-release
					return nil
				}}
				options, reader, logs := observed()
				p := openProvider(t, append(options, deliver(s), sdk.WithTrackTimeout(time.Second))...)
				for range 5 {
					_ = p.Tracker("test").Track(t.Context(), valid())
				}
				time.Sleep(time.Hour)
				assert.EqualValues(t, 1, sumOf(t, reader, "audit.exports.hung", attribute.String("exporter", "sink")))
				assert.Equal(t, 1, logs.Count("an exporter hangs"))
				close(release)
				require.NoError(t, p.Shutdown(t.Context()))
				time.Sleep(time.Hour)
				assert.EqualValues(t, 1, sumOf(t, reader, "audit.exports.hung"))
			})
		})
	}
}

func TestHungFollowerIsReported(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := &follower{id: "sink", fail: func(context.Context) error { <-release; return nil }}
	options, reader, logs := observed()
	p := openProvider(t, append(options, sdk.WithLedger(t.TempDir()+"/ledger",
		sdk.ExportTo(f, quick(sdk.WithExportTimeout(10*time.Millisecond))...)))...)
	trackNumbered(t, p, 1, 5)
	require.Eventually(t, func() bool {
		return sumOf(t, reader, "audit.exports.hung") == 1 && logs.Count("an exporter hangs") == 1
	}, 5*time.Second, time.Millisecond)
	close(release)
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestShutdownOfExporterHangs shuts down an exporter that ignores its context.
func TestShutdownOfExporterHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &sink{shutdown: func(context.Context) error { <-release; return nil }}
		options, reader, _ := observed()
		p := openProvider(t, append(options, sdk.WithSyncer(s))...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Shutdown(ctx), context.DeadlineExceeded)
		assert.EqualValues(t, 1, sumOf(t, reader, "audit.exports.hung"))
		close(release)
	})
}

// TestHungResolverIsReported counts a call of an actor function that hangs once, also if
// signals wait for it, for which a missing actor is no error.
func TestHungResolverIsReported(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]audit.Kind{"intents": audit.KindIntent, "signals": audit.KindSignal} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				options, reader, logs := observed()
				p := openProvider(t, append(options, sdk.WithSyncer(&sink{}), sdk.WithTrackTimeout(time.Second))...)
				ctx, _ := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
					<-release
					return audit.User("42"), nil
				}))
				var wg sync.WaitGroup
				for range 5 {
					wg.Go(func() {
						e := with(func(e *audit.Event) { e.Actor, e.Kind = audit.Actor{}, kind })
						_ = p.Tracker("test").Track(ctx, e)
					})
				}
				wg.Wait()
				assert.EqualValues(t, 1, sumOf(t, reader, "audit.resolvers.hung"))
				assert.Equal(t, 1, logs.Count("an actor function hangs"))
				close(release)
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}

// TestHungResolverDelaysSignalsOnce: a queue of signals, such as that of a database monitor,
// waits once for a function that hangs, and not for each signal.
func TestHungResolverDelaysSignalsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &sink{}
		options, _, _ := observed()
		p := openProvider(t, append(options, sdk.WithSyncer(s), sdk.WithTrackTimeout(time.Second))...)
		ctx, scope := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
			<-release
			return audit.User("42"), nil
		}))
		start := time.Now()
		for range 100 {
			assert.NoError(t, p.Tracker("test").Track(ctx, with(func(e *audit.Event) { e.Actor, e.Kind = audit.Actor{}, audit.KindSignal })))
		}
		assert.Equal(t, time.Second, time.Since(start))
		close(release)
		synctest.Wait()
		require.NoError(t, scope.End(ctx))
		require.Len(t, s.all(), 100)
		for _, r := range s.all() {
			assert.Equal(t, "42", r.Actor.ID, "the end of the scope has found it")
		}
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// TestHungResolverIsReportedWhoeverWaits counts a call that hangs also if it was not an event
// that asked for the actor: the next event reports it, or the end of the scope.
func TestHungResolverIsReportedWhoeverWaits(t *testing.T) {
	t.Parallel()
	anonymous := with(func(e *audit.Event) { e.Actor = audit.Anonymous() })
	unknown := with(func(e *audit.Event) { e.Actor = audit.Actor{} })
	for name, ask := range map[string]func(context.Context, *audit.Scope, audit.Tracker, audit.ScopeOption){
		"Detach": func(ctx context.Context, scope *audit.Scope, tracker audit.Tracker, hangs audit.ScopeOption) {
			_ = scope.Set(hangs)
			_, _, err := audit.Detach(ctx)
			assert.Error(t, err)
			assert.NoError(t, tracker.Track(ctx, anonymous))
		},
		"Resolve": func(ctx context.Context, scope *audit.Scope, tracker audit.Tracker, hangs audit.ScopeOption) {
			_ = scope.Set(hangs)
			e := unknown
			r, err := plumbing.Resolve(ctx, &e, time.Second)
			r.Done()
			assert.Error(t, err)
			assert.NoError(t, tracker.Track(ctx, anonymous))
		},
		"Check": func(ctx context.Context, scope *audit.Scope, tracker audit.Tracker, hangs audit.ScopeOption) {
			_ = scope.Set(hangs)
			assert.Error(t, plumbing.Check(ctx, tracker, unknown, nil))
		},
		"End": func(ctx context.Context, scope *audit.Scope, tracker audit.Tracker, hangs audit.ScopeOption) {
			held := unknown
			held.Kind = audit.KindSignal
			assert.NoError(t, tracker.Track(ctx, held))
			assert.NoError(t, tracker.Track(ctx, held))
			_ = scope.Set(hangs)
			assert.NoError(t, scope.End(ctx))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				options, reader, logs := observed()
				p := openProvider(t, append(options, sdk.WithSyncer(&sink{}), sdk.WithTrackTimeout(time.Second), sdk.WithAnonymous("*"))...)
				ctx, scope := audit.NewScope(t.Context())
				ask(ctx, scope, p.Tracker("test"), audit.WithActor(func(context.Context) (audit.Actor, error) {
					<-release
					return audit.User("42"), nil
				}))
				assert.EqualValues(t, 1, sumOf(t, reader, "audit.resolvers.hung"))
				assert.Equal(t, 1, logs.Count("an actor function hangs"))
				close(release)
				require.NoError(t, scope.End(ctx))
				require.NoError(t, p.Shutdown(t.Context()))
				assert.EqualValues(t, 1, sumOf(t, reader, "audit.resolvers.hung"))
			})
		})
	}
}

// TestSlowResolverIsNotHung calls an actor function that respects its context.
func TestSlowResolverIsNotHung(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options, reader, _ := observed()
		p := openProvider(t, append(options, sdk.WithSyncer(&sink{}), sdk.WithTrackTimeout(time.Second))...)
		ctx, scope := audit.NewScope(t.Context(), audit.WithActor(func(ctx context.Context) (audit.Actor, error) {
			<-ctx.Done()
			return audit.Actor{}, ctx.Err()
		}))
		e := with(func(e *audit.Event) { e.Actor = audit.Actor{} })
		var failed *audit.ActorError
		require.ErrorAs(t, p.Tracker("test").Track(ctx, e), &failed)
		require.ErrorIs(t, failed, context.DeadlineExceeded)
		assert.Zero(t, sumOf(t, reader, "audit.resolvers.hung"))
		require.NoError(t, scope.End(t.Context()))
		require.NoError(t, p.Shutdown(t.Context()))
	})
}
