package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// README.md has every key and variable, and its examples load.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := string(data)
	for _, name := range knownVariables() {
		assert.Contains(t, readme, "`"+name+"`")
	}
	var walk func(reflect.Type)
	walk = func(model reflect.Type) {
		for _, f := range fieldsOf(reflect.New(model).Elem()) {
			assert.Regexp(t, "[`.]"+regexp.QuoteMeta(f.key)+"[`.]", readme)
			for _, inner := range structs(f.value.Type()) {
				walk(inner)
			}
		}
	}
	walk(reflect.TypeFor[model]())

	_, file, found := strings.Cut(readme, "```yaml\nservice:")
	require.True(t, found)
	file, _, _ = strings.Cut(file, "```")
	t.Setenv("AUDIT_HMAC_KEY", "0123456789abcdef")
	t.Setenv("AUDIT_MONGODB_URI", "mongodb://localhost")
	t.Setenv("COLLECTOR_TOKEN", "x")
	path := t.TempDir() + "/deploy.yaml"
	require.NoError(t, os.WriteFile(path, []byte("service:"+file), 0o600))
	require.NoError(t, Check(t.Context(), WithFile(path)))

	_, file, found = strings.Cut(readme, "```yaml\npolicy:")
	require.True(t, found)
	file, _, _ = strings.Cut(file, "```")
	file = "policy:" + file + "ledger: {dir: ledger}\nexporters: [{type: mongodb, uri: '${AUDIT_MONGODB_URI}'}]\n"
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	require.NoError(t, Check(t.Context(), WithFile(path)))

	_, file, found = strings.Cut(readme, "```yaml\nretention:")
	require.True(t, found)
	file, _, _ = strings.Cut(file, "```")
	file = "retention:" + file + "ledger: {dir: ledger}\nexporters: none\n"
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	require.NoError(t, Check(t.Context(), WithFile(path)))
}
