package stdout

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opendeed/audit/record"
)

// DefaultName is the default name of the exporter.
const DefaultName = "stdout"

// Option configures an Exporter.
type Option func(*config)

type config struct {
	name   string
	writer io.Writer
	path   string // of WithFile
	text   bool
	color  *bool // nil: depends on the writer
	direct bool
	places bool
	checks bool
}

func newConfig(opts []Option) (*config, error) {
	c := &config{name: DefaultName, writer: os.Stdout}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	var errs []error
	if !record.ValidName(c.name) {
		errs = append(errs, fmt.Errorf("WithName: %q does not match %s", c.name, record.NamePattern))
	}
	if c.path != "" && c.writer != nil && c.writer != os.Stdout {
		errs = append(errs, errors.New("WithFile: WithWriter sets another destination; use one of them"))
	}
	if c.writer == nil {
		errs = append(errs, errors.New("WithWriter: the writer is nil"))
	}
	return c, errors.Join(errs...)
}

// WithWriter sets the writer. The default is os.Stdout. The exporter does not call the
// writer concurrently. If the writer has a method Flush() error, as *bufio.Writer does,
// the exporter calls it after each batch. It does not close the writer.
//
// If w is an *os.File of a regular file that was renamed or removed, Export returns a
// [*FileMovedError] instead of writing lines that nobody finds: use [WithFile]. A file
// that another writer wraps, such as a *bufio.Writer, is not watched.
func WithWriter(w io.Writer) Option {
	return func(c *config) { c.writer = w }
}

// WithFile appends to the file at path instead of a writer, and creates it, with mode 0600,
// if it does not exist. The exporter opens it again when the path does not lead to it any
// more, because it was rotated away or removed, and closes it in Shutdown.
//
// A line that is written while the file is renamed is in the renamed file. Rotation that
// copies the file and truncates it can lose lines between the two; use one that renames
// it. If it compresses what it renamed, it should wait for a while, as logrotate does with
// delaycompress.
func WithFile(path string) Option {
	return func(c *config) { c.path = path }
}

// WithText writes text for people instead of JSON lines.
func WithText() Option {
	return func(c *config) { c.text = true }
}

// WithColor turns colors in text on or off. By default they are on if the writer is a
// terminal, the environment variable NO_COLOR is empty and TERM is not "dumb". On Windows
// they are off by default, because a terminal must enable them first. JSON never has
// colors.
func WithColor(color bool) Option {
	return func(c *config) { c.color = &color }
}

// WithPlaces writes the place of each record into its JSON line, if it comes from a ledger: the
// last member is then place, an object with the ID of the ledger, log, and the sequence number,
// seq. See export.Place. Record.UnmarshalJSON ignores it. Text has no places.
func WithPlaces() Option {
	return func(c *config) { c.places = true }
}

// WithCheckpoints writes the checkpoints of a sealed ledger too, each as a JSON line that is no
// record: an object with a member checkpoint, which has log, size, note and time. A checkpoint
// is written with the next records, or by Shutdown. Text has no checkpoints.
func WithCheckpoints() Option {
	return func(c *config) { c.checks = true }
}

// WithName sets the name of the exporter. It must match record.NamePattern and be unique
// in a provider. The default is DefaultName.
func WithName(name string) Option {
	return func(c *config) { c.name = name }
}

// WithDirect declares that the writer never blocks. This is true of a file on a local
// disk, but not of a pipe, a socket or a terminal. A syncer then writes on the goroutine
// of Track, which is faster; if the writer does block, so does Track. It is the default
// for *bytes.Buffer and io.Discard.
func WithDirect() Option {
	return func(c *config) { c.direct = true }
}
