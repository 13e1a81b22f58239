package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/propagation"
)

// jobs is a queue with one worker. The worker gets nothing but the messages, like a worker
// in another process: they carry the audit context as a signed token.
type jobs struct {
	store auditrepo.Store[article, string]
	key   propagation.Key
	queue chan message
	done  chan struct{}
}

type message struct{ token, article string }

// audience names the reader for which the tokens are made.
const audience = "archiver"

func newJobs(store auditrepo.Store[article, string]) (*jobs, error) {
	secret := make([]byte, propagation.MinSecret)
	_, _ = rand.Read(secret) // never fails
	key, err := propagation.NewKey("k1", secret)
	if err != nil {
		return nil, err
	}
	j := &jobs{store: store, key: key, queue: make(chan message, 16), done: make(chan struct{})}
	go j.work()
	return j, nil
}

// put adds a job that archives the article id. It waits while the queue is full.
func (j *jobs) put(ctx context.Context, id string) error {
	token, err := propagation.Marshal(ctx, j.key, audience, time.Hour)
	if err != nil {
		return err
	}
	select {
	case j.queue <- message{token: token, article: id}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *jobs) work() {
	defer close(j.done)
	for m := range j.queue {
		if err := j.archive(m); err != nil {
			slog.Error("job failed", slog.Any("error", err))
		}
	}
}

// archive does the job with the actor and the channel of the token.
func (j *jobs) archive(m message) error {
	ctx, scope, err := propagation.Unmarshal(context.Background(), m.token, audience, []propagation.Key{j.key})
	if err != nil {
		return err // forged, expired or made for another audience
	}
	defer func() {
		if err := scope.End(ctx); err != nil {
			slog.Error("job not recorded completely", slog.Any("error", err))
		}
	}()
	a, err := j.store.Get(ctx, m.article)
	if err != nil {
		return err
	}
	a.Archived = true
	return j.store.Update(auditrepo.ContextWithReason(ctx, "archived on request"), a)
}

// close waits until the queued jobs are done or ctx ends. Nothing may call put afterwards.
func (j *jobs) close(ctx context.Context) error {
	close(j.queue)
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
