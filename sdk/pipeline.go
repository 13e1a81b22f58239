package sdk

import (
	"context"
	"log/slog"
	"time"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/gate"
	"github.com/opendeed/audit/sdk/internal/records"
)

// pipeline is what trackers need of their provider.
type pipeline struct {
	trackTimeout time.Duration
	detach       bool // processors get a context that is not canceled with Track's
	gate         *gate.Gate
	metrics      *metrics
	logger       *slog.Logger
	errorHandler func(context.Context, error) // nil: such errors are logged
	redact       func(string) string          // removes what looks like a secret
	records      records.Maker
	attempts     records.Owners
	first        stage // the stage after resolution
	check        func(*record.Record) error
	requirable   []string                                    // the fields that some rule requires of some event
	rejected     func(context.Context, *record.Record) error // delivers the record of a rejection
}
