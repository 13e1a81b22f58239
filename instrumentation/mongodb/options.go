package auditmongo

import (
	"context"
	"errors"
	"log/slog"

	"go.mongodb.org/mongo-driver/v2/event"
)

// DefaultQueueSize is how many signals wait to be tracked at most, unless
// WithQueueSize says otherwise.
const DefaultQueueSize = 1024

// Option configures a Monitor.
type Option func(*config)

type config struct {
	queueSize    int
	errorHandler func(context.Context, error)
	logger       *slog.Logger
	next         *event.CommandMonitor
}

func newConfig(opts []Option) (*config, error) {
	c := &config{queueSize: DefaultQueueSize, logger: slog.Default(), next: &event.CommandMonitor{}}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	var errs []error
	if c.queueSize < 1 {
		errs = append(errs, errors.New("WithQueueSize: it must be positive"))
	}
	if c.logger == nil {
		errs = append(errs, errors.New("WithLogger: the logger is nil"))
	}
	if c.next == nil {
		errs = append(errs, errors.New("WithNext: the monitor is nil"))
	}
	if c.errorHandler == nil {
		logger := c.logger
		c.errorHandler = func(ctx context.Context, err error) {
			logger.ErrorContext(ctx, "audit signal lost", slog.Any("error", err))
		}
	}
	return c, errors.Join(errs...)
}

// WithQueueSize sets how many signals wait to be tracked at most. What comes when so
// many wait is lost, and reported.
func WithQueueSize(signals int) Option {
	return func(c *config) { c.queueSize = signals }
}

// WithErrorHandler sets who is told of each signal that is lost, by a *LostError. The
// default logs it. It may be called while the driver holds a connection: it must not
// use the client, nor take long. It is called concurrently.
func WithErrorHandler(handle func(ctx context.Context, err error)) Option {
	return func(c *config) { c.errorHandler = handle }
}

// WithLogger sets where it is said, once for each collection, that writes are not
// tracked. The default is slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// WithNext sets a monitor that gets every event too, ahead of this one, since a client
// has one monitor.
func WithNext(m *event.CommandMonitor) Option {
	return func(c *config) { c.next = m }
}
