package test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var dependabotDirectory = regexp.MustCompile(`(?m)^      - (/.*)$`)

// TestDependabotCoversEveryModule compares the directories in dependabot.yml with
// those that have a go.mod.
func TestDependabotCoversEveryModule(t *testing.T) {
	t.Parallel()
	var want []string
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		if entry.Name() == "go.mod" {
			dir, err := filepath.Rel("..", filepath.Dir(name))
			want = append(want, path.Join("/", filepath.ToSlash(dir)))
			return err
		}
		return nil
	})
	require.NoError(t, err)

	text, err := os.ReadFile("../.github/dependabot.yml")
	require.NoError(t, err)
	var got []string
	for _, match := range dependabotDirectory.FindAllStringSubmatch(string(text), -1) {
		got = append(got, match[1])
	}
	assert.ElementsMatch(t, want, got)
}
