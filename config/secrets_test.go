package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/opendeed/audit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const canary = "c4n4ry"

// canaries are secrets in forms that parsers quote in errors.
var canaries = []string{
	canary,
	"long enough for a key: " + canary,
	"mongodb://user:" + canary + "@host:99999/?x=y",
	"mongodb://" + canary + ":%zz" + canary + "@host/" + canary + "?" + canary + "=" + canary,
	"mongodb://user:" + canary + "@host/?authMechanism=" + canary + "&tlsCAFile=" + canary,
	"mongodb+srv://user:" + canary + "@" + canary + ".example.com",
	"https://user:" + canary + "@host\x7f:port",
	"http://user:" + canary + "@host:4317/path",
	"(" + canary + "[",
	canary + "\n\x00\"'`{}",
	"  " + canary + "=%",
}

// printed returns every printed form of a Config and of an error.
func printed(c *config.Config, err error) string {
	var out bytes.Buffer
	if c != nil {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&out, verb+"\n", c)
		}
		encoded, _ := json.Marshal(c)
		out.Write(encoded)
		slog.New(slog.NewTextHandler(&out, nil)).Info("loaded", slog.Any("config", c))
	}
	var walk func(error)
	walk = func(err error) {
		if err == nil {
			return
		}
		fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
		walk(errors.Unwrap(err))
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, each := range joined.Unwrap() {
				walk(each)
			}
		}
	}
	walk(err)
	if problems, ok := errors.AsType[*config.Error](err); ok {
		encoded, _ := json.Marshal(problems.Problems)
		out.Write(encoded)
	}
	return out.String()
}

// scalars returns the scalar values of a document.
func scalars(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.ScalarNode {
		return []*yaml.Node{n}
	}
	var found []*yaml.Node
	for i, child := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			found = append(found, scalars(child)...)
		}
	}
	return found
}

// No error and no dump shows a secret from a variable, wherever it is used.
func TestSecretsOfVariables(t *testing.T) {
	setenv(t, map[string]string{"TEST_NAME": "shop", "TEST_SECRET": "Tr0ub4dor&3-is-secret", "TEST_EMPTY": "", "TEST_TLS": certificate(t)})
	for _, file := range []string{"testdata/good/everything.yaml", "testdata/bad/everything.yaml"} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var document yaml.Node
		require.NoError(t, yaml.Unmarshal(data, &document))
		for at, n := range scalars(&document) {
			before := *n
			for i, secret := range canaries {
				if skipped(at + i) {
					continue
				}
				t.Setenv("TEST_CANARY", strings.ReplaceAll(secret, "\x00", "")) // variables cannot contain NUL
				text := "${TEST_CANARY}"
				if i == 0 {
					text = "x ${TEST_CANARY:-y} ${"
				}
				n.Value, n.Tag, n.Style = text, "!!str", yaml.DoubleQuotedStyle
				require.False(t, leaks(t, document), "%s, line %d: %s", file, n.Line, secret)
			}
			*n = before
		}
	}
}

func leaks(t *testing.T, document yaml.Node) bool {
	t.Helper()
	data, err := yaml.Marshal(&document)
	require.NoError(t, err)
	c, err := config.Load(t.Context(), config.WithFile(write(t, "deploy.yaml", string(data))))
	return strings.Contains(printed(c, err), canary)
}

// A secret in the file is not shown if it is in a place for secrets.
func TestSecretsOfFiles(t *testing.T) {
	for _, template := range []string{
		"exporters: [{type: mongodb, uri: %q}]",
		"exporters: [{type: otlp, headers: {authorization: %q}}]",
		"exporters: [{type: otlp, protocol: grpc, headers: {authorization: %q, 'bad name': b}}]",
		"exporters: [{type: otlp, endpoint: %q}]",
		"exporters: [{type: otlp, protocol: grpc, endpoint: %q, timeout: x}]",
		"exporters: [{type: stdout}]\nredaction: {strategy: {hmac: {key_id: k, key: %q}}}",
		"exporters: [{type: stdout}]\npolicy: [{name: x, actions: [%q]}]",
		"exporters: [{type: stdout}]\npolicy: [{name: x, actor_types: [%q]}]",
		"exporters: [{type: stdout}]\npolicy: [{name: x, require: [%q]}]",
		"exporters: [{type: stdout}]\npolicy: [{name: x, require_actor_types: [%q]}]",
		"exporters: [{type: stdout}]\npolicy: [{name: x, changes: %q}]",
		"exporters: [{type: stdout}]\npolicy: [{name: x, exporters: [%q]}]",
		"exporters: [{type: stdout}]\npolicy: [{name: x, require_event: true, methods: [%q]}]",
		"exporters: [{type: stdout}]\npolicy: [{name: %q}, {name: x}]",
		"exporters: [{type: stdout}]\nredaction: {keys: [{pattern: x, strategy: {hmac: {key_id: 'K', key: %q}}}]}",
	} {
		for _, secret := range canaries {
			if strings.Contains(template, "endpoint") && !strings.Contains(secret, "@") {
				continue // an address without credentials is shown
			}
			if strings.Contains(template, "policy") && secret == canary {
				secret = "C4n4ry " + canary // valid values are shown
			}
			quoted := fmt.Sprintf("%q", strings.ReplaceAll(secret, "\x00", ""))
			text := strings.Replace(template, "%q", quoted, 1)
			c, err := config.Load(t.Context(), config.WithFile(write(t, "deploy.yaml", text)))
			require.False(t, c != nil && strings.Contains(template, "policy"), "it must be invalid: %s", text)
			require.NotContains(t, printed(c, err), canary, text)
		}
	}
}

// TestSecretsInEveryPlace puts secrets into every value and every key of a configuration,
// whatever its key is called. No dump and no error shows them.
func TestSecretsInEveryPlace(t *testing.T) {
	setenv(t, map[string]string{"TEST_NAME": "shop", "TEST_SECRET": "Tr0ub4dor&3-is-secret", "TEST_EMPTY": "", "TEST_TLS": certificate(t)})
	for _, file := range []string{"testdata/good/everything.yaml", "testdata/bad/everything.yaml"} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var document yaml.Node
		require.NoError(t, yaml.Unmarshal(data, &document))
		places := nodes(&document)
		require.Greater(t, len(places), 50)
		for at, n := range places {
			before := *n
			for i, secret := range []string{
				"ghp_" + canary + strings.Repeat("a1B2", 8)[:30],
				"password=" + canary + "Zx9",
				"https://bob:" + canary + "Zx9@host.example/path",
				"https://host.example/?api_key=" + canary + "Zx9Zx9Zx9Zx9",
				"${TEST_ABSENT:-mongodb://bob:" + canary + "@host.example}",
				"-----BEGIN PRIVATE KEY-----\n" + strings.Repeat(canary+"AbC0", 6) + "\n-----END PRIVATE KEY-----",
				"Authorization: Bearer " + canary + "Zx9Zx9Zx9",
			} {
				if skipped(at + i) {
					continue
				}
				n.Value, n.Tag, n.Style = secret, "!!str", yaml.DoubleQuotedStyle
				require.False(t, leaks(t, document), "%s, line %d: %s", file, n.Line, secret)
			}
			*n = before
		}
	}
	for _, text := range []string{
		"service: {attributes: {db.password: CANARY}}\nexporters: [{type: stdout}]",
		"service: {attributes: {api.token: '${TEST_ABSENT:-CANARY}'}}\nexporters: [{type: stdout}]",
		"exporters: [{type: otlp, protocol: http/protobuf, endpoint: 'https://collector.example/ingest/CANARY'}]",
		"exporters: [{type: otlp, protocol: http/protobuf, logs_endpoint: 'https://collector.example/v1/logs#CANARY'}]",
		"exporters: [{type: stdout}]\nZx9CANARY: 1",
	} {
		c, err := config.Load(t.Context(), config.WithFile(write(t, "deploy.yaml", strings.ReplaceAll(text, "CANARY", canary))))
		require.NotContains(t, printed(c, err), canary, text)
	}
	shown := "https://collector.example:4318/otlp/v1/logs"
	c, err := config.Load(t.Context(), config.WithFile(write(t, "deploy.yaml", "exporters: [{type: otlp, protocol: http/protobuf, logs_endpoint: '"+shown+"'}]")))
	require.NoError(t, err)
	assert.Contains(t, c.String(), shown)
}

// nodes returns the scalars of a document, also its keys.
func nodes(n *yaml.Node) (found []*yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		return []*yaml.Node{n}
	}
	for _, child := range n.Content {
		found = append(found, nodes(child)...)
	}
	return found
}

// An error lists the names of exporters, unless they come from a variable.
func TestSecretsOfExporterNames(t *testing.T) {
	t.Setenv("TEST_CANARY", canary)
	for _, name := range []string{"other", canary + "x"} {
		file := write(t, "deploy.yaml", "policy: [{name: x, exporters: ["+name+"]}]\nexporters: [{type: stdout, name: '${TEST_CANARY}'}]\n")
		_, err := config.Load(t.Context(), config.WithFile(file))
		require.ErrorContains(t, err, "policy[0].exporters[0]: no exporter has this name; the exporters are: ***")
		require.NotContains(t, printed(nil, err), canary)
	}
}

func TestSecretsOfTheEnvironment(t *testing.T) {
	t.Setenv("AUDIT_EXPORTERS", "mongodb,otlp")
	for _, name := range []string{
		"AUDIT_MONGODB_URI", "AUDIT_MONGODB_DATABASE", "AUDIT_LEDGER_MAX_SIZE", "AUDIT_TRACK_TIMEOUT", "AUDIT_GAP_RECORDS", "AUDIT_ANONYMOUS", "AUDIT_MONGODB_URL",
		"AUDIT_STDOUT_FORMAT", "AUDIT_MONGODB_INDEXES",
		"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_HEADERS", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
		"OTEL_RESOURCE_ATTRIBUTES",
	} {
		for _, protocol := range []string{"grpc", "http/protobuf"} {
			for _, secret := range canaries {
				t.Run(name, func(t *testing.T) {
					t.Setenv("AUDIT_MONGODB_URI", "mongodb://localhost")
					t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
					t.Setenv(name, strings.ReplaceAll(secret, "\x00", ""))
					c, err := config.Load(t.Context())
					if err == nil && (name == "AUDIT_MONGODB_DATABASE" || name == "AUDIT_ANONYMOUS") {
						return // valid names are shown
					}
					require.NotContains(t, printed(c, err), canary, secret)
				})
			}
		}
	}
}

// Errors from opening exporters show no secrets.
func TestSecretsOnOpen(t *testing.T) {
	var logs bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	file := write(t, "deploy.yaml", "exporters: [{type: mongodb, uri: 'mongodb+srv://user:"+canary+"@"+canary+".invalid/?x="+canary+"'}]")
	_, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithLogger(log))
	require.Error(t, err)
	assert.NotContains(t, printed(nil, err), canary)
	assert.NotContains(t, logs.String(), canary)
}
