package auditmongo

import (
	"context"
	"errors"
	"log/slog"

	"go.mongodb.org/mongo-driver/v2/event"
)

// DefaultQueueSize is the number of signals that the queue holds unless WithQueueSize
// changes it.
const DefaultQueueSize = 1024

// Option configures a Monitor. NewMonitor ignores a nil Option.
type Option func(*config)

type config struct {
	queueSize    int
	errorHandler func(context.Context, error)
	logger       *slog.Logger
	monitor      *event.CommandMonitor
}

func newConfig(opts []Option) (*config, error) {
	c := &config{queueSize: DefaultQueueSize, logger: slog.Default(), monitor: &event.CommandMonitor{}}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	var errs []error
	if c.queueSize < 1 {
		errs = append(errs, errors.New("WithQueueSize: the size is not positive"))
	}
	if c.logger == nil {
		errs = append(errs, errors.New("WithLogger: the logger is nil"))
	}
	if c.monitor == nil {
		errs = append(errs, errors.New("WithCommandMonitor: the monitor is nil"))
	}
	if c.errorHandler == nil {
		logger := c.logger
		c.errorHandler = func(ctx context.Context, err error) {
			logger.ErrorContext(ctx, "audit signal lost", slog.Any("error", err))
		}
	}
	return c, errors.Join(errs...)
}

// WithQueueSize sets how many signals the queue holds. It must be positive. Signals that
// arrive while the queue is full are lost, and reported to the error handler.
func WithQueueSize(n int) Option {
	return func(c *config) { c.queueSize = n }
}

// WithErrorHandler sets the function that is called with a *LostError for each signal
// that is lost. The default, also for nil, logs the error with the monitor's logger.
//
// The function is called concurrently, and the driver may hold a connection meanwhile:
// it must return quickly and must not use the client. ctx is the context of the write
// and may be canceled.
func WithErrorHandler(f func(ctx context.Context, err error)) Option {
	return func(c *config) { c.errorHandler = f }
}

// WithLogger sets the logger for warnings about writes that raise no signal, one for each
// collection. It must not be nil. The default is slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// WithCommandMonitor sets a monitor that receives every event before this one does, since
// a client accepts only one monitor. It must not be nil.
func WithCommandMonitor(m *event.CommandMonitor) Option {
	return func(c *config) { c.monitor = m }
}
