package viewer

import (
	"math"
	"sync"
	"time"
)

// rate is how often something may happen.
type rate struct{ perMinute, burst int }

// maxParties is how many actors are remembered.
const maxParties = 10_000

// limiter bounds how often each actor searches. It is safe for concurrent use.
type limiter struct {
	rate rate
	now  func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
}

// bucket is what an actor has left.
type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(r rate, now func() time.Time) *limiter {
	return &limiter{rate: r, now: now, buckets: map[string]bucket{}}
}

// take takes a token of an actor. If none is left it returns how long to wait.
func (l *limiter) take(actor string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, perSecond := l.now(), float64(l.rate.perMinute)/60
	b, ok := l.buckets[actor]
	if !ok {
		l.forget(now)
		b = bucket{tokens: float64(l.rate.burst), at: now}
	}
	b.tokens = min(float64(l.rate.burst), b.tokens+now.Sub(b.at).Seconds()*perSecond)
	b.at = now
	if b.tokens < 1 {
		l.buckets[actor] = b
		return time.Duration(math.Ceil((1-b.tokens)/perSecond)) * time.Second
	}
	b.tokens--
	l.buckets[actor] = b
	return 0
}

// forget makes room: it removes actors who have all their tokens again, or, if all are busy,
// any of them.
func (l *limiter) forget(now time.Time) {
	if len(l.buckets) < maxParties {
		return
	}
	refill := time.Duration(float64(l.rate.burst) / float64(l.rate.perMinute) * float64(time.Minute))
	for actor, b := range l.buckets {
		if now.Sub(b.at) >= refill {
			delete(l.buckets, actor)
		}
	}
	for actor := range l.buckets {
		if len(l.buckets) < maxParties {
			return
		}
		delete(l.buckets, actor)
	}
}
