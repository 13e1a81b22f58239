// Package otlp_test tests the OTLP exporter against a real collector, and against servers whose
// behavior the collector cannot show.
package otlp_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
