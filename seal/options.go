package seal

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// DefaultInterval is the default of WithInterval.
const DefaultInterval = time.Second

// Option configures a Sealer.
type Option func(*config)

type config struct {
	anchor   Anchor
	interval time.Duration
	files    Files
	report   func(error)
	adopt    bool
	previous []*Key
	apart    bool // the files are not in the ledger's directory

	witnesses Witnesses
}

// WithAnchor compares the ledger with an anchor when it is opened, and keeps each checkpoint
// there. Without an anchor, nobody notices that the directory was removed, or that an old copy
// was put back.
func WithAnchor(a Anchor) Option { return func(c *config) { c.anchor = a } }

// WithInterval sets how long after a checkpoint the next one is made, if there are new
// entries. What is above the newest checkpoint is not proved yet. The default is
// DefaultInterval.
func WithInterval(d time.Duration) Option { return func(c *config) { c.interval = d } }

// WithFiles keeps the files of the seal elsewhere. By default they are in the directory
// DirName of the ledger's.
func WithFiles(f Files) Option { return func(c *config) { c.files = f } }

// WithErrorHandler calls report with errors of sealing in the background, which is tried again:
// of the disk, the anchor, the key or the witnesses. One call is made at a time.
func WithErrorHandler(report func(error)) Option { return func(c *config) { c.report = report } }

// WithAdopt accepts a ledger that is not the one of the anchor or of its own directory's
// checkpoint, as after a backup was restored on purpose. The tree gets another origin if it
// contradicts what was signed. An anchor with a checkpoint that no known key signed is
// accepted too.
func WithAdopt() Option { return func(c *config) { c.adopt = true } }

// WithPreviousKey replaces a key: checkpoints that k has signed count, and new ones are signed with
// both. Once all who verify have the new public key, leave the option out.
func WithPreviousKey(k *Key) Option { return func(c *config) { c.previous = append(c.previous, k) } }

func newConfig(dir string, opts []Option) (config, error) {
	c := config{interval: DefaultInterval, report: func(error) {}}
	for _, opt := range opts {
		opt(&c)
	}
	if c.apart = c.files != nil; !c.apart {
		c.files = OpenDir(filepath.Join(dir, DirName))
	}
	if c.interval <= 0 {
		return c, fmt.Errorf("seal: %w", errors.New("WithInterval: the interval must be positive"))
	}
	if a, ok := c.anchor.(anchorFile); ok && a.isIn(dir) {
		return c, fmt.Errorf("seal: WithAnchor: %s is in the directory of the ledger, and whoever removes that removes it too; keep it elsewhere", string(a))
	}
	return c, nil
}
