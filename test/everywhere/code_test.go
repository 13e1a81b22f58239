package everywhere_test

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/opendeed/audit"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/propagation"
)

// The code of the application: ways to change an article's title, all of which do what
// the task's deed says.

// byHand states its intent itself.
func (w *world) byHand(ctx context.Context, k *task) error {
	before, err := w.store.Get(ctx, k.id)
	after := article{ID: k.id, Title: newTitle}
	if err == nil {
		err = w.store.Update(ctx, after)
	}
	if k.silent() {
		return err
	}
	e := audit.Event{Action: "article.update", Operation: audit.OperationUpdate, Target: audit.Target{Type: "article", ID: k.id}, Reason: k.reason}
	if e.Outcome = outcomeOf(err); err == nil {
		err = audit.TrackUpdate(ctx, w.tracker, e, before, after)
	} else {
		err = errors.Join(err, w.tracker.Track(ctx, e))
	}
	k.last()
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

// byRoute leaves its intent to the route, and says which article it is about, unless it
// forgets that.
func (w *world) byRoute(ctx context.Context, k *task) error {
	if k.deed == twice {
		return w.byHand(ctx, k)
	}
	if !k.silent() {
		if err := audit.SetTarget(ctx, audit.Target{Type: "article", ID: k.id}); err != nil {
			return err
		}
	}
	err := w.store.Update(ctx, article{ID: k.id, Title: newTitle})
	k.last()
	return err
}

// byRepository leaves its intent to the decorated store, unless it forgets to use that.
func (w *world) byRepository(ctx context.Context, k *task) error {
	var articles auditrepo.Updater[article] = w.store
	if !k.silent() {
		articles = w.articles.Updater(w.store)
	}
	err := articles.Update(ctx, article{ID: k.id, Title: newTitle})
	k.last()
	return err
}

// inBulk changes articles 1 and 2, where everything happens, and states both as one
// change. Then comes article 3, which that does not count.
func (w *world) inBulk(ctx context.Context, k *task) error {
	var done []string
	var err error
	for _, id := range []string{"1", "2"} {
		if err = w.store.Update(ctx, article{ID: id, Title: newTitle}); err != nil {
			break
		}
		done = append(done, id)
	}
	if err == nil {
		err = w.store.Update(ctx, article{ID: "3", Title: newTitle})
	}
	if k.silent() {
		return err
	}
	err = errors.Join(err, w.trackBulk(ctx, outcomeOf(err), int64(len(done)), done))
	k.last()
	return err
}

// byStatement changes all articles by one statement of the driver.
func (w *world) byStatement(ctx context.Context, k *task) error {
	d, ok := w.store.(*driver)
	if !ok {
		return errors.ErrUnsupported
	}
	n, err := d.UpdateAll(ctx, oldTitle)
	if k.silent() {
		return err
	}
	err = errors.Join(err, w.trackBulk(ctx, outcomeOf(err), n, nil))
	k.last()
	return err
}

func (w *world) trackBulk(ctx context.Context, outcome audit.Outcome, affected int64, sample []string) error {
	return w.tracker.Track(ctx, audit.Event{
		Action: "article.retitle", Operation: audit.OperationUpdate, Outcome: outcome, Target: audit.Target{Type: "article"},
		Bulk: audit.Bulk{Selector: "title=" + oldTitle, Affected: affected, Sample: sample},
	})
}

// later leaves the work to a goroutine, which begins when the request is over.
func (w *world) later(ctx context.Context, k *task) error {
	detached, scope, err := audit.Detach(ctx)
	if err != nil {
		return err
	}
	w.work.Go(func() {
		<-k.answered
		if err := quietly(func() error { return w.byHand(detached, k) }); (err == nil) != (k.succeeds() || k.deed == gone || k.deed == goneEarly) {
			w.fail(ctx, err)
		}
		if err := scope.End(detached); err != nil {
			w.fail(ctx, err)
		}
	})
	return w.ask(ctx, k)
}

// message is all that the worker knows of a job.
type message struct{ token, id string }

// byJob leaves the work to a worker.
func (w *world) byJob(ctx context.Context, k *task) error {
	token, err := propagation.Marshal(ctx, w.key, "worker", time.Minute)
	if err != nil {
		return err
	}
	w.queue <- message{token, k.id}
	return w.ask(ctx, k)
}

// ask states what a request does that leaves the work to others.
func (w *world) ask(ctx context.Context, k *task) error {
	if k.deed == gone || k.deed == goneEarly {
		k.hangUp()
	}
	return w.tracker.Track(ctx, audit.Event{
		Action: "article.request_update", Operation: audit.OperationExecute, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "article", ID: k.id},
	})
}

// serveJob is the worker, which is stopped in the middle of a job that is cancelled.
func (w *world) serveJob(ctx context.Context) error {
	m := <-w.queue
	k := w.get(m.id)
	<-k.answered
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	k.cancel, k.gone = stop, ctx.Done()
	ctx, scope, err := propagation.Unmarshal(k.within(ctx), m.token, "worker", []propagation.Key{w.key})
	if err != nil {
		return err
	}
	err = quietly(func() error { return w.byHand(ctx, k) })
	return errors.Join(err, scope.End(ctx))
}
