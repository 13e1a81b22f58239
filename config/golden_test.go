package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opendeed/audit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "update the expected errors and dumps")

// The .txt file of each file in testdata/bad has its errors, and in testdata/good its dump.
func TestFiles(t *testing.T) {
	t.Setenv("TEST_NAME", "shop")
	t.Setenv("TEST_SECRET", "Tr0ub4dor&3-is-secret")
	t.Setenv("TEST_EMPTY", "")
	t.Setenv("TEST_TLS", certificate(t))
	t.Chdir("testdata")
	for _, kind := range []string{"good", "bad"} {
		files, err := filepath.Glob(kind + "/*.yaml")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				file = filepath.ToSlash(file)
				c, err := config.Load(t.Context(), config.WithFile(file))
				var got string
				if kind == "good" {
					require.NoError(t, err)
					got = c.String()
				} else {
					require.Error(t, err)
					got = err.Error() + "\n"
				}
				assert.NotContains(t, got, "Tr0ub4dor")
				assert.NotContains(t, got, "hunter2")
				golden(t, strings.TrimSuffix(file, ".yaml")+".txt", got)
			})
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestProblem(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := &config.Error{Problems: []config.Problem{
		{File: "deploy.yaml", Line: 12, Column: 3, Path: "exporters[1].endpont", Message: "unknown key", Suggestion: "endpoint"},
		{File: "deploy.yaml", Message: "it is empty", Err: cause},
		{Path: "AUDIT_EXPORTERS", Message: "it is not set"},
		{Message: "it is wrong"},
	}}
	require.EqualError(t, err, `deploy.yaml:12:3: exporters[1].endpont: unknown key; did you mean "endpoint"?
deploy.yaml: it is empty
AUDIT_EXPORTERS: it is not set
it is wrong`)
	assert.ErrorIs(t, err, cause)
}
