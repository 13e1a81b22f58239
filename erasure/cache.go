package erasure

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// maxAsking is how many calls of a key store run at the same time: a store that hangs costs so
// many goroutines at most. The next records wait until one has ended.
const maxAsking = 64

// cache remembers what the store has returned for subjects: keys, and that they were erased.
type cache struct {
	vault *Vault

	mu     sync.Mutex
	known  map[Subject]*list.Element // of *remembered
	recent list.List                 // the last used first
	asking map[Subject]*call
	slots  chan struct{} // one for each call
	down   time.Time     // until then nobody waits for the store
	logged time.Time     // the last error
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
	c.slots = make(chan struct{}, maxAsking)
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
			c.refresh(s)
		}
		c.mu.Unlock()
		return k.key, k.err
	}
	down, asked := now.Before(c.down), c.asking[s]
	c.mu.Unlock()
	if down {
		return nil, errUnavailable
	}
	timer := time.NewTimer(c.vault.wait)
	defer timer.Stop()
	if asked == nil {
		select {
		case c.slots <- struct{}{}:
			asked = c.ask(s)
		case <-timer.C:
			c.failed(errUnavailable)
			return nil, errUnavailable
		}
	}
	select {
	case <-asked.done:
		return asked.key, asked.err
	case <-timer.C:
		c.failed(errUnavailable)
		return nil, errUnavailable
	}
}

// refresh asks the store for a key, unless somebody does already, or too many calls are running.
// c.mu is held.
func (c *cache) refresh(s Subject) {
	if c.asking[s] != nil {
		return
	}
	select {
	case c.slots <- struct{}{}:
		c.start(s)
	default: // the next record tries again
	}
}

// ask asks the store for a key with a slot, which it releases if somebody has asked meanwhile.
func (c *cache) ask(s Subject) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := c.asking[s]
	if e := c.known[s]; e != nil && asked == nil {
		k := e.Value.(*remembered) //nolint:errcheck,forcetypeassert // nothing else is in the list
		asked = &call{done: make(chan struct{}), key: k.key, err: k.err}
		close(asked.done)
	}
	if asked == nil {
		return c.start(s)
	}
	<-c.slots
	return asked
}

// start calls the store. c.mu is held, and the call has a slot.
func (c *cache) start(s Subject) *call {
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
	<-c.slots
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
