package erasure

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// maxAsking is how many calls of a key store run at the same time. Beyond it a record does not
// wait: a store that hangs costs so many goroutines at most.
const maxAsking = 64

// cache remembers what the store has returned for subjects: keys, and that they were erased.
type cache struct {
	vault *Vault

	mu     sync.Mutex
	known  map[Subject]*list.Element // of *remembered
	recent list.List                 // the last used first
	asking map[Subject]*call
	down   time.Time // until then nobody waits for the store
	logged time.Time // the last error
}

// remembered is what the store has returned for a subject.
type remembered struct {
	subject Subject
	key     *Key
	err     error // an *ErasedError, or nil
	fresh   time.Time
}

// call is a call of the store for a subject.
type call struct {
	done chan struct{} // closed when it has returned
	key  *Key
	err  error
}

func (c *cache) init(v *Vault) {
	c.vault, c.known, c.asking = v, map[Subject]*list.Element{}, map[Subject]*call{}
}

// get returns the key of a subject. What is too old is returned too, and asked for again in
// the background: a value under a key that was destroyed meanwhile is one that nobody can read.
func (c *cache) get(s Subject) (*Key, error) {
	now := time.Now()
	c.mu.Lock()
	if e := c.known[s]; e != nil {
		c.recent.MoveToFront(e)
		k := e.Value.(*remembered) //nolint:errcheck,forcetypeassert // nothing else is in the list
		if now.After(k.fresh) && now.After(c.down) {
			c.ask(s)
		}
		c.mu.Unlock()
		return k.key, k.err
	}
	if now.Before(c.down) {
		c.mu.Unlock()
		return nil, errUnavailable
	}
	asked := c.ask(s)
	c.mu.Unlock()
	if asked == nil {
		return nil, errUnavailable
	}
	timer := time.NewTimer(c.vault.wait)
	defer timer.Stop()
	select {
	case <-asked.done:
		return asked.key, asked.err
	case <-timer.C:
		c.failed(errUnavailable)
		return nil, errUnavailable
	}
}

// ask asks the store for a key, unless somebody does already. It returns nil if too many calls
// are running. c.mu is held.
func (c *cache) ask(s Subject) *call {
	if asked := c.asking[s]; asked != nil {
		return asked
	}
	if len(c.asking) >= maxAsking {
		return nil
	}
	asked := &call{done: make(chan struct{})}
	c.asking[s] = asked
	go c.run(s, asked)
	return asked
}

// run calls the store. It has more time than a record waits: a key that comes late is for the
// next one.
func (c *cache) run(s Subject, asked *call) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*c.vault.wait)
	defer cancel()
	asked.key, asked.err = c.vault.ask(ctx, s)
	_, erased := errors.AsType[*ErasedError](asked.err)
	if asked.err != nil && !erased {
		c.failed(asked.err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.asking, s)
	if asked.err == nil || erased {
		c.remember(&remembered{subject: s, key: asked.key, err: asked.err, fresh: time.Now().Add(c.vault.refresh)})
	}
	close(asked.done)
}

// remember adds what the store has returned, and forgets what was not used for longest. c.mu is
// held.
func (c *cache) remember(k *remembered) {
	if e := c.known[k.subject]; e != nil {
		e.Value = k
		return
	}
	c.known[k.subject] = c.recent.PushFront(k)
	if len(c.known) > c.vault.size {
		oldest := c.recent.Back()
		delete(c.known, c.recent.Remove(oldest).(*remembered).subject) //nolint:errcheck,forcetypeassert // nothing else is in the list
	}
}

// failed makes the next records not wait, and logs the error unless one was logged lately. The
// error may name the store, but says nothing of the subject.
func (c *cache) failed(err error) {
	now := time.Now()
	c.mu.Lock()
	c.down = now.Add(c.vault.retry)
	log := now.Sub(c.logged) >= c.vault.retry
	if log {
		c.logged = now
	}
	c.mu.Unlock()
	if log {
		c.vault.logger.LogAttrs(context.Background(), slog.LevelError,
			"audit: the key store has failed; values that should be erasable are masked, unless the key of their subject is known",
			slog.Any("error", err))
	}
}
