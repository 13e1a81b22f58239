package query_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLineMembers compares the members of a line that was scanned with those of one that was not.
func TestLineMembers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../record/testdata/*.json")
	require.NoError(t, err)
	scanned := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var r record.Record
		require.NoError(t, r.UnmarshalJSON(text))
		line, err := query.LineOf(&r)
		require.NoError(t, err)
		want := membersOf(&line)
		assert.Contains(t, want, `actor.type=`+`"`+r.Actor.Type.String()+`"`)
		again, ok := new(query.LineScanner).Scan(strings.TrimSpace(string(text)))
		if !ok {
			continue
		}
		scanned++
		assert.Equal(t, want, membersOf(&again))
		assert.Equal(t, line.Cursor(), again.Cursor())
		assert.Equal(t, query.CursorOf(&r), again.Cursor())
		for path := range again.Members() {
			assert.Equal(t, "action", path)
			break
		}
	}
	assert.Positive(t, scanned)
}

func membersOf(l *query.Line) (members []string) {
	for path, value := range l.Members() {
		members = append(members, path+"="+value)
	}
	return members
}
