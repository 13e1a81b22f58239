package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/propagation"
)

// jobs is a queue with one worker. Its messages are all that the worker knows, as if it
// were another process: the audit context travels in them as a signed token.
type jobs struct {
	store auditrepo.Store[article, string]
	key   propagation.Key
	queue chan message
	done  chan struct{}
}

type message struct{ audit, article string }

// audience is who may read the tokens.
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

func (j *jobs) put(ctx context.Context, id string) error {
	token, err := propagation.Marshal(ctx, j.key, audience, time.Hour)
	if err != nil {
		return err
	}
	j.queue <- message{audit: token, article: id}
	return nil
}

func (j *jobs) work() {
	defer close(j.done)
	for m := range j.queue {
		if err := j.archive(m); err != nil {
			slog.Error("a job failed", slog.Any("error", err))
		}
	}
}

// archive does the job in the name of who asked for it.
func (j *jobs) archive(m message) error {
	ctx, scope, err := propagation.Unmarshal(context.Background(), m.audit, audience, []propagation.Key{j.key})
	if err != nil {
		return err // forged, stale or for somebody else
	}
	defer func() {
		if err := scope.End(ctx); err != nil {
			slog.Error("a job was not recorded in full", slog.Any("error", err))
		}
	}()
	a, err := j.store.Get(ctx, m.article)
	if err != nil {
		return err
	}
	a.Archived = true
	return j.store.Update(auditrepo.ContextWithReason(ctx, "archived on request"), a)
}

// close waits for the jobs that are there.
func (j *jobs) close() {
	close(j.queue)
	<-j.done
}
