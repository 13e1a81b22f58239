package otlp

import (
	"errors"

	"github.com/opendeed/audit"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
)

// reply is the server's reply to a request that it processed.
type reply struct {
	rejected int64  // the number of rejected records
	message  string // the reason, or a warning
}

// partialSuccess returns the reply in an OTLP response.
func partialSuccess(response *collector.ExportLogsServiceResponse) (reply, error) {
	partial := response.GetPartialSuccess()
	if partial.GetRejectedLogRecords() < 0 {
		return reply{}, maybeStored(&ServerError{Reason: "the server reported a negative number of rejected records", Message: partial.GetErrorMessage()})
	}
	return reply{rejected: partial.GetRejectedLogRecords(), message: partial.GetErrorMessage()}, nil
}

// maybeStored marks an error after which the server may have stored the records.
func maybeStored(err error) error { return errors.Join(audit.ErrMaybeStored, err) }
