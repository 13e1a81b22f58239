// Package inside has the functions that package audit puts into package bridge, with their
// types.
package inside

import (
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/bridge"
)

// Audit is the inside of package audit.
var Audit = bridge.Audit.(*bridge.Functions[audit.Actor, audit.Event, audit.Outcome, audit.Scope, audit.ScopeOption, audit.Tracker]) //nolint:errcheck,forcetypeassert // audit has set it
