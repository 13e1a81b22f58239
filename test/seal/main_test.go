// Package seal_test holds a sealed ledger against other people's implementations.
package seal_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
