package sdk

import (
	"context"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// stage is one step of the pipeline. scope is the scope of the Track call, or nil.
type stage func(ctx context.Context, scope *audit.Scope, r *record.Record) error
