// Package discarded discards errors.
package discarded

import (
	"context"
	"errors"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/session"
	"github.com/opendeed/audit/unit"
)

type article struct {
	Title string `audit:"title"`
}

// wrapper is a tracker of the application's own.
type wrapper struct{ audit.Tracker }

func (w *wrapper) Track(ctx context.Context, e audit.Event) error { return w.Tracker.Track(ctx, e) }

// lap has a method of the same name that records nothing.
type lap struct{}

func (lap) Track(string) error { return nil }

func wrong(ctx context.Context, tracker audit.Tracker, w *wrapper, e audit.Event, work func(context.Context) error) {
	ctx, scope := audit.NewScope(ctx)
	defer scope.End(ctx)      // want `the error of Scope.End is discarded: without it nobody learns that the record is missing`
	tracker.Track(ctx, e)     // want `the error of Tracker.Track is discarded`
	_ = w.Track(ctx, e)       // want `the error of wrapper.Track is discarded`
	_ = tracker.Track(ctx, e) // want `the error of Tracker.Track is discarded`
	go tracker.Track(ctx, e)  // want `the error of Tracker.Track is discarded`
	go func() {
		_ = audit.TrackCreate(ctx, tracker, e, article{}) // want `the error of TrackCreate is discarded`
	}()
	audit.TrackUpdate[article](ctx, tracker, e, article{}, article{}) // want `the error of TrackUpdate is discarded`
	audit.TrackDelete(ctx, tracker, e, article{})                     // want `the error of TrackDelete is discarded`
	attempt, _ := audit.Begin(ctx, tracker, e)                        // want `the error of Begin is discarded`
	_ = attempt.Finish(ctx, e)                                        // want `the error of Attempt.Finish is discarded`
	audit.Do(ctx, tracker, e, work)                                   // want `the error of Do is discarded`
	audit.Run(ctx, work)                                              // want `the error of Run is discarded`
	session.TrackLogin(ctx, tracker, e, "password")                   // want `the error of TrackLogin is discarded`
	_, _ = 1, session.TrackLogout(ctx, tracker, e, "password")        // want `the error of TrackLogout is discarded`
	_ = unit.Run(ctx, tracker, e, func(u *unit.Unit) error {          // want `the error of Run is discarded`
		defer u.Rollback(nil) // want `the error of Unit.Rollback is discarded`
		return nil
	})
	_ = session.TrackLoginFailure(ctx, tracker, e, "password") // want `the error of TrackLoginFailure is discarded`
}

func right(ctx context.Context, tracker audit.Tracker, e audit.Event) (err error) {
	ctx, scope := audit.NewScope(ctx)
	defer func() { err = errors.Join(err, scope.End(ctx)) }()
	if err := tracker.Track(ctx, e); err != nil {
		return err
	}
	attempt, err := audit.Begin(ctx, tracker, e)
	if err != nil {
		return err
	}
	lap{}.Track("first")
	_ = scope.Set(audit.WithChannel("api"))
	audit.SetReason(ctx, "typo")
	done := make(chan error, 1)
	go func() { done <- tracker.Track(ctx, e) }()
	return errors.Join(attempt.Finish(ctx, e), <-done)
}
