package panics_test

import (
	"testing"

	"github.com/opendeed/audit/internal/panics"
	"github.com/stretchr/testify/assert"
)

type ownError string

func (e ownError) Error() string { return string(e) }
func (ownError) RuntimeError()   {}

func TestError(t *testing.T) {
	t.Parallel()
	var (
		list  []int
		index     = 4111111111111111
		value any = "secret"
		m     map[string]int
	)
	for want, f := range map[string]func(){
		"it panicked with a string":                                          func() { panic("secret") },
		"it panicked with a panics_test.ownError":                            func() { panic(ownError("secret")) },
		"it panicked: runtime error: index out of range":                     func() { _ = list[index] },
		"it panicked: runtime error: slice bounds out of range":              func() { _ = list[:index] },
		"it panicked: interface conversion: interface {} is string, not int": func() { _, _ = value.(int), 0 },
		"it panicked: assignment to entry in nil map":                        func() { m["secret"] = 1 },
	} {
		func() {
			defer func() { assert.EqualError(t, panics.Error(recover()), want) }()
			f()
		}()
	}
}
