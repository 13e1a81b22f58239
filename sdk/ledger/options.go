package ledger

import (
	"errors"
	"fmt"
	"time"
)

const (
	// DefaultSegmentSize is the default size of a segment file, in bytes.
	DefaultSegmentSize = 64 << 20
	// MinSegmentSize is the smallest size that WithSegmentSize accepts, in bytes.
	MinSegmentSize = 64 << 10
	// MaxSegmentSize is the largest size that WithSegmentSize accepts, in bytes.
	MaxSegmentSize = 2 << 30
	// MaxEntrySize is the largest size of an entry, in bytes. In a ledger with smaller
	// segments, the segment size is the limit.
	MaxEntrySize = 16 << 20
)

// Option configures a Ledger.
type Option func(*config)

// LedgerOption marks o as an option of sdk.WithLedger.
func (Option) LedgerOption() {}

type config struct {
	segmentSize   int64
	maxSize       int64
	retain        bool
	keep          bool
	retainAge     time.Duration
	retainSize    int64
	syncInterval  time.Duration
	salvage       bool
	lockWait      time.Duration
	groupWritable bool
	dense         bool
	wall          func() time.Time // the system clock; nil: time.Now

	keeper        Keeper
	errorHandlers []func(error)

	scrubRate      int64
	damageHandlers []func(*CorruptError)
}

// WithSegmentSize sets the size of segment files, in bytes. All entries of one Append
// go to one segment, so their total size is limited too. The default is
// DefaultSegmentSize.
func WithSegmentSize(bytes int64) Option {
	return func(c *config) { c.segmentSize = bytes }
}

// WithMaxSize limits the total size of all segments, in bytes. At the limit, Append
// waits until segments are removed, which requires WithRetention and consumers that
// commit. By default only the disk limits the size.
func WithMaxSize(bytes int64) Option {
	return func(c *config) { c.maxSize = bytes }
}

// WithRetention allows the ledger to remove segments that every cursor has passed:
// segments whose newest entry is older than age, and the oldest segments while the
// total exceeds size, in bytes. A zero age or size disables that rule. If both are
// zero, every segment is removed once all cursors have passed it, or at once if there
// are no cursors. The newest segment is never removed.
//
// The ledger counts the age itself. While it is open, it relies on no clock that could
// be set; of the time during which no process had it open, it counts at most half the
// age for each pause. A system clock that is wrong, and set right, thus removes no fresh
// entries. By default nothing is removed.
func WithRetention(age time.Duration, size int64) Option {
	return func(c *config) { c.retain, c.retainAge, c.retainSize = true, age, size }
}

// WithoutRetention makes Open return ErrOwnRetention if WithRetention is among the options too.
// It is for programs that account for each segment that is removed, with [Ledger.RemoveBefore].
// By default both ways of removing are open to the caller.
func WithoutRetention() Option {
	return func(c *config) { c.keep = true }
}

// WithSyncInterval makes Append return before the entries are synced, and syncs every
// d. Entries survive a crash of the process, but a crash of the machine may lose those
// of the last interval. If the disk fails a sync and the system drops their data, Sync,
// Close and readers name them, and the ledger continues. Cursors return synced entries only. By default, and if d is
// zero, Append returns after the sync.
func WithSyncInterval(d time.Duration) Option {
	return func(c *config) { c.syncInterval = d }
}

// WithSalvage makes Open repair a damaged ledger instead of failing. What the files say
// about one another is derived from the segments again, everything that can be read
// stays readable, and new entries go to a new segment. No entry is made up, and no
// sequence number is used again.
//
// [Ledger.Recovery] names everything that is lost, and so does the file "losses" in the
// directory. Open succeeds from then on, also without this option, until there is new
// damage. Readers and cursors return a *CorruptError where entries are missing. Segments
// stay as they are, and other files that are replaced are kept under a name that ends in
// ".damaged".
func WithSalvage() Option {
	return func(c *config) { c.salvage = true }
}

// WithScrub sets how fast the ledger reads its segments in the background, in bytes per
// second, to find damage before somebody needs the entries. It also reads the state, the
// cursors and the file pairs, each of which survives the damage of one of its two slots. It reads all of them about
// once a day, or as often as the rate allows. The default is DefaultScrubRate; zero
// disables it.
func WithScrub(bytesPerSecond int64) Option {
	return func(c *config) { c.scrubRate = bytesPerSecond }
}

// WithDamageHandler calls handle with damage that a scrub has found and that no cursor
// has returned before, once for each place. The calls are made from one goroutine, and
// the scrub waits for them. With several handlers, each is called.
func WithDamageHandler(handle func(*CorruptError)) Option {
	return func(c *config) { c.damageHandlers = append(c.damageHandlers, handle) }
}

// WithLockWait makes Open wait up to d for another writer to close the ledger, as in a
// rolling restart, before it returns ErrLocked. By default Open does not wait.
// [OpenContext] can end the wait earlier.
func WithLockWait(d time.Duration) Option {
	return func(c *config) { c.lockWait = d }
}

// WithDenseFrames lets commits follow one another without padding. By default each is
// padded to a multiple of 4,096 bytes, so that its entries share no sector with those of
// another: a disk that loses power while it writes can then not take entries with it
// that were acknowledged before. An entry that is committed alone takes at least 4,096
// bytes. On disks that tear no sector which they had written before, such as those with
// power-loss protection, dense frames are as safe, and smaller. With WithSyncInterval
// frames are always dense.
func WithDenseFrames() Option {
	return func(c *config) { c.dense = true }
}

// aligned reports whether frames are padded.
func (c *config) aligned() bool { return !c.dense && c.syncInterval == 0 }

// WithGroupWritable accepts a directory and files that a group may write to, if this
// process is in the group. They may then belong to another user. Kubernetes makes a
// volume writable by the pod's fsGroup. Everyone in the group can alter the ledger. By
// default such a directory is rejected with ErrInsecure.
func WithGroupWritable() Option {
	return func(c *config) { c.groupWritable = true }
}

// Access returns an option that does what those of opts do which say who may use the
// files: WithGroupWritable and WithLockWait. It is for further ledgers in the same place.
func Access(opts ...Option) Option {
	var from config
	for _, opt := range opts {
		opt(&from)
	}
	return func(c *config) { c.groupWritable, c.lockWait = from.groupWritable, from.lockWait }
}

func newConfig(opts []Option) (config, error) {
	c := config{segmentSize: DefaultSegmentSize, scrubRate: DefaultScrubRate}
	for _, opt := range opts {
		opt(&c)
	}
	var errs []error
	if c.segmentSize < MinSegmentSize || c.segmentSize > MaxSegmentSize {
		errs = append(errs, fmt.Errorf("WithSegmentSize: %d bytes is not between %d and %d", c.segmentSize, MinSegmentSize, int64(MaxSegmentSize)))
	}
	if c.maxSize != 0 && c.maxSize < 2*c.segmentSize {
		errs = append(errs, fmt.Errorf("WithMaxSize: %d bytes is less than two segments of %d bytes; raise it, or lower WithSegmentSize", c.maxSize, c.segmentSize))
	}
	if c.retainAge < 0 || c.retainSize < 0 {
		errs = append(errs, errors.New("WithRetention: age and size must not be negative"))
	}
	if c.retain && c.keep {
		errs = append(errs, ErrOwnRetention)
	}
	if c.scrubRate < 0 {
		errs = append(errs, errors.New("WithScrub: the rate must not be negative"))
	}
	if c.syncInterval < 0 {
		errs = append(errs, errors.New("WithSyncInterval: the interval must not be negative"))
	}
	if c.lockWait < 0 {
		errs = append(errs, errors.New("WithLockWait: the time must not be negative"))
	}
	return c, errors.Join(errs...)
}
