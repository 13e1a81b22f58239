package ledger

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A day has an hour here, so that maintenance runs less often.
const day = time.Hour

// retentionWorld is a ledger with a retention of 30 days whose system clock can be wrong.
type retentionWorld struct {
	t      *testing.T
	disk   *memDisk
	ledger *Ledger
	wrong  atomic.Int64 // nanoseconds that the system clock is ahead
	made   map[string]time.Time
}

const retainedAge = 30 * day

func (w *retentionWorld) open() {
	c, err := newConfig([]Option{WithSegmentSize(MinSegmentSize), WithRetention(retainedAge, 0)})
	require.NoError(w.t, err)
	c.wall = func() time.Time { return time.Now().Add(time.Duration(w.wrong.Load())) }
	w.ledger, err = open(w.disk.open(nil), c)
	require.NoError(w.t, err)
}

func (w *retentionWorld) close() { require.NoError(w.t, w.ledger.Close()) }

// fill appends enough that everything before is in other segments.
func (w *retentionWorld) fill() {
	name := fmt.Sprint("entry ", len(w.made))
	w.made[name] = time.Now()
	mustAppend(w.t, w.ledger, name)
	for n := w.ledger.Stats().Segments; w.ledger.Stats().Segments == n; {
		mustAppend(w.t, w.ledger, string(make([]byte, 20_000)))
		synctest.Wait()
	}
}

// run lets time pass while the ledger is open.
func (w *retentionWorld) run(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// requireKept requires that every entry younger than age is there.
func (w *retentionWorld) requireKept(age time.Duration) {
	w.t.Helper()
	kept := map[string]bool{}
	for _, entry := range readMem(w.t, w.disk) {
		kept[entry] = true
	}
	for name, made := range w.made {
		if time.Since(made) < age {
			require.True(w.t, kept[name], "%s was removed after %s", name, time.Since(made))
		}
	}
}

// requireRemoved requires that no entry older than age is there, except in the last two
// segments.
func (w *retentionWorld) requireRemoved(age time.Duration) {
	w.t.Helper()
	entries := readMem(w.t, w.disk)
	for _, entry := range entries[:max(0, len(entries)-8)] {
		if made, ok := w.made[entry]; ok {
			require.Less(w.t, time.Since(made), age, "%s is still there", entry)
		}
	}
}

// TestWrongClock removes entries by age while the system clock is wrong or is set.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	const years = 40 * 365 * day
	tests := map[string]func(w *retentionWorld){
		"it starts in 1970 and is set while the ledger is open": func(w *retentionWorld) {
			w.wrong.Store(int64(-years))
			w.open()
			w.fill()
			w.wrong.Store(0)
			w.fill()
			w.run(day)
		},
		"it is in 1970 until a restart": func(w *retentionWorld) {
			w.wrong.Store(int64(-years))
			w.open()
			w.fill()
			w.close()
			w.wrong.Store(0)
			w.open()
			w.run(day)
			w.fill()
		},
		"it starts in 1970 each time, and is set later": func(w *retentionWorld) {
			for range 20 {
				w.wrong.Store(int64(-years))
				w.open()
				w.fill()
				w.run(time.Minute)
				w.wrong.Store(0)
				w.run(time.Hour)
				w.close()
			}
			w.open()
		},
		"it is ahead by years until a restart": func(w *retentionWorld) {
			w.wrong.Store(int64(years))
			w.open()
			w.fill()
			w.close()
			w.wrong.Store(0)
			w.open()
			w.fill()
			w.run(day)
		},
		"it is ahead by years for ten minutes while retention runs": func(w *retentionWorld) {
			w.open()
			w.fill()
			w.run(29 * day)
			w.wrong.Store(int64(years))
			w.run(10 * time.Minute)
			w.wrong.Store(0)
			w.run(10 * time.Minute)
		},
		"it is ahead by years for a minute after a start": func(w *retentionWorld) {
			w.open()
			w.fill()
			w.run(16 * day)
			w.fill()
			w.close()
			w.wrong.Store(int64(years))
			w.open()
			w.run(time.Minute)
			w.fill()
			w.wrong.Store(0)
			w.run(13 * day)
		},
		"it is ahead by years for a whole run": func(w *retentionWorld) {
			w.open()
			w.fill()
			w.close()
			w.wrong.Store(int64(years))
			w.open()
			w.run(7 * day)
			w.close()
			w.wrong.Store(0)
			w.open()
			w.run(7 * day)
		},
		"a crash while it is ahead": func(w *retentionWorld) {
			w.open()
			w.fill()
			w.run(20 * day)
			w.ledger.dir.(*memDir).kill()
			_ = w.ledger.Close()
			w.wrong.Store(int64(years))
			w.open()
			w.run(time.Minute)
			w.wrong.Store(0)
			w.run(7 * day)
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &retentionWorld{t: t, disk: testDisk(), made: map[string]time.Time{}}
				test(w)
				w.requireKept(retainedAge)
				w.run(2 * retainedAge)
				w.fill()
				w.requireRemoved(retainedAge)
				w.close()
			})
		})
	}
}

// TestRetentionAcrossPauses opens a ledger for a short time each day, with a clock that
// is right. Entries must not stay much longer than their age.
func TestRetentionAcrossPauses(t *testing.T) {
	t.Parallel()
	for _, open := range []time.Duration{time.Minute, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := &retentionWorld{t: t, disk: testDisk(), made: map[string]time.Time{}}
			for range 70 {
				w.open()
				w.fill()
				w.run(open)
				w.requireKept(retainedAge)
				w.requireRemoved(retainedAge + 3*day)
				w.close()
				time.Sleep(day)
			}
			require.Less(t, len(readMem(t, w.disk)), 35*5)
		})
	}
}

// TestRetentionAfterLongPause stops a service for a year. Half of the age counts.
func TestRetentionAfterLongPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &retentionWorld{t: t, disk: testDisk(), made: map[string]time.Time{}}
		w.open()
		w.fill()
		w.close()
		time.Sleep(365 * day)
		w.open()
		w.run(retainedAge/2 - 10*time.Minute)
		require.Contains(t, readMem(t, w.disk), "entry 0")
		w.run(20 * time.Minute)
		w.requireRemoved(retainedAge)
		w.close()
	})
}

// TestRandomClock changes the system clock at random. No entry may be removed before half
// of its age if one period of the clock is wrong.
func TestRandomClock(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := &retentionWorld{t: t, disk: testDisk(), made: map[string]time.Time{}}
			from := r.IntN(30)
			to := from + 1 + r.IntN(10)
			wrong := time.Duration(r.Int64N(int64(40*365*day))) - 20*365*day
			for step := range 40 {
				w.wrong.Store(0)
				if step >= from && step < to {
					w.wrong.Store(int64(wrong))
				}
				switch {
				case w.ledger == nil:
					w.open()
				case r.IntN(4) == 0:
					w.close()
					w.ledger = nil
					time.Sleep(time.Duration(r.Int64N(int64(2 * day))))
					continue
				}
				w.fill()
				w.run(time.Duration(r.Int64N(int64(3 * day))))
				w.requireKept(retainedAge / 2)
			}
			if w.ledger != nil {
				w.close()
			}
		})
	}
}

// TestFailedOpenKeepsAge opens a closed ledger with a clock that is ahead, and fails before
// it is open. The pause must not count from then on.
func TestFailedOpenKeepsAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &retentionWorld{t: t, disk: testDisk(), made: map[string]time.Time{}}
		w.open()
		w.run(time.Hour)
		w.close()
		closed := w.ledger.state
		c := w.ledger.config
		c.wall = func() time.Time { return time.Now().Add(365 * day) }
		_, err := open(w.disk.open(&faults{kind: faultNoEffect, only: opList, at: 1}), c)
		require.ErrorIs(t, err, errFault)
		_, value, err := openSlotFile(w.disk.open(nil), stateFileName)
		require.NoError(t, err)
		s, err := decodeState(value)
		require.NoError(t, err)
		require.Equal(t, closed.age, s.age)
		require.True(t, closed.seen.Equal(s.seen))
	})
}
