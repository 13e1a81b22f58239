package request_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t stands for the test of an example.
var t = exampleTB{}

type exampleTB struct{ testing.TB }

func (exampleTB) Helper() {}

func (exampleTB) Cleanup(func()) {}
