package request

import (
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
)

// Codes of gRPC, which Connect shares, that mean something of their own.
const (
	rpcOK               = 0
	rpcUnknown          = 2
	rpcPermissionDenied = 7
	rpcUnauthenticated  = 16
)

// rpcNames are the names of gRPC's codes as OpenTelemetry records them.
var rpcNames = [...]string{
	"OK", "CANCELLED", //nolint:misspell // gRPC's spelling
	"UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
	"UNAUTHENTICATED",
}

// RPCStatus returns the status for a code of gRPC: PERMISSION_DENIED and UNAUTHENTICATED are
// denied, all other errors are a failure, and OK is a success.
func RPCStatus(code uint32) Status {
	s := Status{Key: semconv.RPCResponseStatusCodeKey, Code: int(code), Outcome: audit.OutcomeFailure}
	switch code {
	case rpcOK:
		s.Outcome = audit.OutcomeSuccess
	case rpcPermissionDenied, rpcUnauthenticated:
		s.Outcome, s.Unauthenticated = audit.OutcomeDenied, code == rpcUnauthenticated
	}
	if s.Name = strconv.Itoa(s.Code); s.Code < len(rpcNames) {
		s.Name = rpcNames[s.Code]
	}
	return s
}
