package errtree_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/opendeed/audit/internal/errtree"
	"github.com/stretchr/testify/assert"
)

func TestAll(t *testing.T) {
	t.Parallel()
	inner := &fs.PathError{Op: "read", Err: io.EOF}
	one, two := &fs.PathError{Op: "open", Err: inner}, &fs.PathError{Op: "stat", Err: io.EOF}
	for name, tt := range map[string]struct {
		err  error
		want []*fs.PathError
	}{
		"nil":              {},
		"another error":    {err: io.EOF},
		"the error itself": {err: two, want: []*fs.PathError{two}},
		"not inside it":    {err: one, want: []*fs.PathError{one}},
		"wrapped":          {err: fmt.Errorf("a: %w", fmt.Errorf("b: %w", one)), want: []*fs.PathError{one}},
		"joined":           {err: errors.Join(two, io.EOF, fmt.Errorf("%w and %w", one, two)), want: []*fs.PathError{two, one, two}},
	} {
		assert.Equal(t, tt.want, errtree.All[*fs.PathError](tt.err), name)
	}
}
