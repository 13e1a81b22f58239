package auditgin_test

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/stretchr/testify/assert"
)

// An answer of gin cannot be withheld, which shows when the routes are made.
func TestWithheldAnswer(t *testing.T) {
	t.Parallel()
	tracker := audittest.NewRecorder(t).Tracker("test")
	assert.PanicsWithValue(t, "audithttp: WithheldAnswer is not for this router, whose writers are its own; call audit.Do in the handler", func() {
		auditgin.Intent(tracker, audit.Event{Action: "payout.send"}, audithttp.WithheldAnswer())
	})
}
