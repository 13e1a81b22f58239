package everywhere_test

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/opendeed/audit"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/propagation"
	"github.com/opendeed/audit/unit"
)

// The application's functions that update the title of an article. Each shows the behavior
// of its task.

// updateWithIntent tracks its intent itself.
func (w *world) updateWithIntent(ctx context.Context, k *task) error {
	before, err := w.store.Get(ctx, k.id)
	after := article{ID: k.id, Title: newTitle}
	if err == nil {
		err = w.store.Update(ctx, after)
	}
	if k.noIntent() {
		return err
	}
	e := audit.Event{Action: "article.update", Operation: audit.OperationUpdate, Target: audit.Target{Type: "article", ID: k.id}, Reason: k.reason}
	if e.Outcome = outcomeOf(err); err == nil {
		err = audit.TrackUpdate(ctx, w.tracker, e, before, after)
	} else {
		err = errors.Join(err, w.tracker.Track(ctx, e))
	}
	k.afterIntent()
	return err
}

func outcomeOf(err error) audit.Outcome {
	switch {
	case err == nil:
		return audit.OutcomeSuccess
	case errors.Is(err, fs.ErrPermission):
		return audit.OutcomeDenied
	}
	return audit.OutcomeFailure
}

// updateInTransaction does updateWithIntent in a transaction of the store.
func (w *world) updateInTransaction(ctx context.Context, k *task) error {
	m, ok := w.store.(*memory)
	if !ok {
		return errors.ErrUnsupported
	}
	return unit.Run(ctx, w.tracker, audit.Event{}, func(u *unit.Unit) error {
		return m.transact(ctx, func() error { return w.updateWithIntent(u.Start(ctx), k) })
	})
}

// updateOnIntentRoute relies on the intent of the route and sets its target, unless it
// forgets to.
func (w *world) updateOnIntentRoute(ctx context.Context, k *task) error {
	if k.behavior == recordsTwice {
		return w.updateWithIntent(ctx, k)
	}
	if !k.noIntent() {
		audit.SetTarget(ctx, audit.Target{Type: "article", ID: k.id})
	}
	err := w.store.Update(ctx, article{ID: k.id, Title: newTitle})
	k.afterIntent()
	return err
}

// updateByRepository relies on the decorated store, unless it forgets to use it.
func (w *world) updateByRepository(ctx context.Context, k *task) error {
	var articles auditrepo.Updater[article] = w.store
	if !k.noIntent() {
		articles = w.articles.Updater(w.store)
	}
	err := articles.Update(ctx, article{ID: k.id, Title: newTitle})
	k.afterIntent()
	return err
}

// updateInBulk updates articles 1 and 2 and tracks one intent for both. It also updates
// article 3, which the intent does not count.
func (w *world) updateInBulk(ctx context.Context, k *task) error {
	var updated []string
	var err error
	for _, id := range []string{"1", "2"} {
		if err = w.store.Update(ctx, article{ID: id, Title: newTitle}); err != nil {
			break
		}
		updated = append(updated, id)
	}
	if err == nil {
		err = w.store.Update(ctx, article{ID: "3", Title: newTitle})
	}
	if k.noIntent() {
		return err
	}
	err = errors.Join(err, w.trackBulk(ctx, outcomeOf(err), int64(len(updated)), updated))
	k.afterIntent()
	return err
}

// updateByStatement updates all articles with one statement of the driver.
func (w *world) updateByStatement(ctx context.Context, k *task) error {
	d, ok := w.store.(*driver)
	if !ok {
		return errors.ErrUnsupported
	}
	n, err := d.UpdateAll(ctx, oldTitle)
	if k.noIntent() {
		return err
	}
	err = errors.Join(err, w.trackBulk(ctx, outcomeOf(err), n, nil))
	k.afterIntent()
	return err
}

func (w *world) trackBulk(ctx context.Context, outcome audit.Outcome, affected int64, sample []string) error {
	return w.tracker.Track(ctx, audit.Event{
		Action: "article.retitle", Operation: audit.OperationUpdate, Outcome: outcome, Target: audit.Target{Type: "article"},
		Bulk: audit.Bulk{Selector: "title=" + oldTitle, Affected: affected, Sample: sample},
	})
}

// updateDetached starts a goroutine that updates the article after the request.
func (w *world) updateDetached(ctx context.Context, k *task) error {
	detached, scope, err := audit.Detach(ctx)
	if err != nil {
		return err
	}
	w.work.Go(func() {
		<-k.answered
		if err := recoverBoom(func() error { return w.updateWithIntent(detached, k) }); (err == nil) != (k.succeeds() || k.behavior == canceledAfterWrite || k.behavior == canceledBeforeWrite) {
			w.addLateError(ctx, err)
		}
		if err := scope.End(detached); err != nil {
			w.addLateError(ctx, err)
		}
	})
	return w.trackRequest(ctx, k)
}

// job is a message to the worker.
type job struct{ token, id string }

// updateByJob enqueues a job that updates the article.
func (w *world) updateByJob(ctx context.Context, k *task) error {
	token, err := propagation.Marshal(ctx, w.key, "worker", time.Minute)
	if err != nil {
		return err
	}
	w.queue <- job{token, k.id}
	return w.trackRequest(ctx, k)
}

// trackRequest tracks the intent of a request whose update happens later.
func (w *world) trackRequest(ctx context.Context, k *task) error {
	if k.behavior == canceledAfterWrite || k.behavior == canceledBeforeWrite {
		k.cancelAndWait()
	}
	return w.tracker.Track(ctx, audit.Event{
		Action: "article.request_update", Operation: audit.OperationExecute, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "article", ID: k.id},
	})
}

// runJob runs one job as the worker does. To cancel a task, the worker is stopped during the
// job.
func (w *world) runJob(ctx context.Context) error {
	j := <-w.queue
	k := w.get(j.id)
	<-k.answered
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	k.cancel, k.canceled = stop, ctx.Done()
	ctx, scope, err := propagation.Unmarshal(contextWithTask(ctx, k), j.token, "worker", []propagation.Key{w.key})
	if err != nil {
		return err
	}
	err = recoverBoom(func() error { return w.updateWithIntent(ctx, k) })
	return errors.Join(err, scope.End(ctx))
}
