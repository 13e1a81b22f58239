package stdout

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opendeed/audit/record"
)

// DefaultName is the exporter's name unless WithName sets another.
const DefaultName = "stdout"

// Option configures an Exporter.
type Option func(*config)

type config struct {
	name   string
	writer io.Writer
	text   bool
	color  *bool // nil: decided by the writer
	direct bool
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
	if c.writer == nil {
		errs = append(errs, errors.New("WithWriter: the writer is nil"))
	}
	return c, errors.Join(errs...)
}

// WithWriter sets where records are written. The default is os.Stdout. The exporter
// never calls the writer concurrently. It flushes it after each batch if it has a
// method Flush() error, as a *bufio.Writer has, and does not close it.
func WithWriter(w io.Writer) Option {
	return func(c *config) { c.writer = w }
}

// WithText writes text for people instead of JSON lines.
func WithText() Option {
	return func(c *config) { c.text = true }
}

// WithColor says whether text has colors. The default is that it has if the writer
// is a terminal, the environment variable NO_COLOR is empty, and TERM is not "dumb";
// on Windows, where a terminal must be told to understand colors, it has none. JSON
// never has colors.
func WithColor(color bool) Option {
	return func(c *config) { c.color = &color }
}

// WithName sets the name by which a provider knows the exporter, which must match
// [a-z0-9_-]{1,64} and be unique in the provider. The default is DefaultName.
func WithName(name string) Option {
	return func(c *config) { c.name = name }
}

// WithDirect states that the writer never hangs, which is so for a file on a local
// disk and not for a pipe, a socket or a terminal. A syncer then writes on the
// goroutine that calls Track, which is quicker; if the writer does hang, so does
// Track. For *bytes.Buffer and io.Discard it is the default.
func WithDirect() Option {
	return func(c *config) { c.direct = true }
}
