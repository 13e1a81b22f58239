package test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestProductionManifests parses the YAML of docs/production.md, and checks that the parts
// of the StatefulSet agree.
func TestProductionManifests(t *testing.T) {
	t.Parallel()
	var set, alerts int
	for _, b := range blocksOf(t, "docs/production.md") {
		if b.language != "yaml" {
			continue
		}
		decoder := yaml.NewDecoder(strings.NewReader(b.body))
		for {
			var document map[string]any
			err := decoder.Decode(&document)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, "%s:%d", b.doc, b.line)
			if document["kind"] == "StatefulSet" {
				set++
			}
			if document["groups"] != nil {
				alerts++
			}
		}
		if strings.Contains(b.body, "kind: StatefulSet") {
			checkStatefulSet(t, b.body)
		}
	}
	require.Equal(t, 1, set)
	require.Equal(t, 1, alerts)
}

func checkStatefulSet(t *testing.T, text string) {
	t.Helper()
	_, text, found := strings.Cut(text, "\n---\n")
	require.True(t, found)
	var set struct {
		Spec struct {
			Selector struct {
				MatchLabels map[string]string `yaml:"matchLabels"`
			}
			Template struct {
				Metadata struct{ Labels map[string]string }
				Spec     struct {
					Grace           int `yaml:"terminationGracePeriodSeconds"`
					SecurityContext struct {
						FSGroupChangePolicy string `yaml:"fsGroupChangePolicy"`
					} `yaml:"securityContext"`
					Containers []struct {
						Env          []struct{ Name, Value string }
						VolumeMounts []struct {
							Name      string
							MountPath string `yaml:"mountPath"`
						} `yaml:"volumeMounts"`
					}
				}
			}
			Claims []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &set))
	pod := set.Spec.Template.Spec
	require.Len(t, pod.Containers, 1)
	container := pod.Containers[0]
	require.Len(t, container.Env, 2)
	require.Len(t, container.VolumeMounts, 1)
	require.Len(t, set.Spec.Claims, 1)
	assert.Equal(t, set.Spec.Selector.MatchLabels, set.Spec.Template.Metadata.Labels)
	assert.Equal(t, set.Spec.Claims[0].Metadata.Name, container.VolumeMounts[0].Name)
	assert.Equal(t, "AUDIT_LEDGER_DIR", container.Env[1].Name)
	assert.True(t, strings.HasPrefix(container.Env[1].Value, container.VolumeMounts[0].MountPath+"/"), "the ledger is below the mount point")
	assert.Equal(t, "OnRootMismatch", pod.SecurityContext.FSGroupChangePolicy)
	assert.GreaterOrEqual(t, pod.Grace, 5+10+10+4, "the steps of a shutdown")
}

var (
	metricInCode     = regexp.MustCompile(`"(audit\.[a-z]+\.[a-z_]+)"`)
	metricInDocument = regexp.MustCompile("`(audit\\.[a-z]+\\.[a-z_]+)`")
	metricInPromQL   = regexp.MustCompile(`\baudit_[a-z_]+`)
	reasonsInPromQL  = regexp.MustCompile(`reason=~"([a-z_|]+)"`)
)

// TestProductionMetrics checks that docs/production.md names the metrics of the code: all
// of them, and no others.
func TestProductionMetrics(t *testing.T) {
	t.Parallel()
	code := sourceOf(t, "sdk/metrics.go", "sdk/internal/delivery", "instrumentation/request")
	code = strings.ReplaceAll(code, `"audit.rejected.`, "") // keys of records
	var metrics []string
	for _, match := range metricInCode.FindAllStringSubmatch(code, -1) {
		metrics = append(metrics, match[1])
	}
	require.Greater(t, len(metrics), 10)
	text, err := os.ReadFile(filepath.Join("..", "docs", "production.md"))
	require.NoError(t, err)

	for _, match := range metricInDocument.FindAllStringSubmatch(string(text), -1) {
		assert.Contains(t, metrics, match[1])
	}
	for _, name := range metrics {
		assert.Contains(t, string(text), "| `"+name+"` |")
	}
	for _, name := range metricInPromQL.FindAllString(string(text), -1) {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(name, "audit_"), "_total"), "_seconds") // Prometheus adds them
		assert.Contains(t, metrics, "audit."+strings.Replace(base, "_", ".", 1), name)
	}
	for _, match := range reasonsInPromQL.FindAllStringSubmatch(string(text), -1) {
		for reason := range strings.SplitSeq(match[1], "|") {
			assert.Contains(t, code, `return "`+reason+`"`)
		}
	}
}

// sourceOf returns the code of files and directories, without tests.
func sourceOf(t *testing.T, paths ...string) string {
	t.Helper()
	var source strings.Builder
	for _, path := range paths {
		err := filepath.WalkDir(filepath.Join("..", filepath.FromSlash(path)), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || filepath.Ext(path) != ".go" {
				return err
			}
			text, err := os.ReadFile(path)
			source.Write(text)
			return err
		})
		require.NoError(t, err)
	}
	return source.String()
}
