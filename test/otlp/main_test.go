// Package otlp_test tests the exporter to OTLP against a real collector, and against
// servers that do what that collector does not.
package otlp_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
