package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", document))
	s, err := c.Compile("schema.json")
	require.NoError(t, err)
	return s
}

// instanceOf returns a document for validation with the schema.
func instanceOf(t testing.TB, data []byte) any {
	t.Helper()
	var v any
	require.NoError(t, yaml.Unmarshal(data, &v))
	encoded, err := json.Marshal(v)
	require.NoError(t, err)
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	require.NoError(t, err)
	return instance
}

func TestSchemaOfFiles(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	files, err := filepath.Glob("testdata/good/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(instanceOf(t, data)), file)
	}
	for _, file := range []string{"everything", "filter", "list", "no-exporters", "empty-exporters", "retention", "policy", "policy-mapping"} {
		data, err := os.ReadFile("testdata/bad/" + file + ".yaml")
		require.NoError(t, err)
		assert.Error(t, schema.Validate(instanceOf(t, data)), file)
	}
}

// Both the schema and the loader reject each of these files.
func TestSchemaErrors(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	const rest = "\nexporters: [{type: stdout}]\n"
	for _, text := range []string{
		"version: 2" + rest, "extra: 1" + rest, "track_timeout: 10" + rest, "track_timeout: 10w" + rest, "anonymous: x" + rest,
		"validation: {max_metadata: '64'}" + rest, "validation: {max_record_size: 64KiB}" + rest, "validation: {required: [{actions: ['*']}]}" + rest,
		"redaction: {strategy: hide}" + rest, "redaction: {strategy: {hmac: {key: x}}}" + rest, "redaction: {keys: [{strategy: mask}]}" + rest,
		"ledger: {}" + rest, "ledger: {dir: ''}" + rest, "ledger: {dir: x, salvage: 'yes'}" + rest, "ledger: {dir: x, retention: {}}" + rest,
		"service: {name: 7}" + rest, "service: {attributes: {a: [b]}}" + rest,
		"policy: {name: x}" + rest, "policy: [{actions: [a.b]}]" + rest, "policy: [{name: x, actions: []}]" + rest, "policy: [{name: x, extra: y}]" + rest,
		"policy: [{name: x, changes: all}]" + rest, "policy: [{name: x, actor_types: [robot]}]" + rest, "policy: [{name: x, exporters: stdout}]" + rest,
		"policy: [{name: x, require_actor_types: [unresolved]}]" + rest, "policy: [{name: x, reject_anonymous: 'true'}]" + rest,
		"exporters: []", "exporters: all", "exporters: [{type: stdot}]", "exporters: [{type: stdout, uri: x}]", "exporters: [{type: mongodb}]",
		"exporters: [{type: otlp, filter: {}}]", "exporters: [{type: otlp, filter: {kinds: [intents]}}]", "exporters: [{format: text}]",
		"exporters: [{type: otlp, compression: zip}]", "exporters: [{type: otlp, concurrency: 0}]", "exporters: [{type: otlp, insecure: yes}]",
	} {
		assert.Error(t, schema.Validate(instanceOf(t, []byte(text))), text)
		assert.NotEmpty(t, problemsOf(t, []byte(text)), text)
	}
}

// problemsOf returns the problems of a file, with the variables of the tests.
func problemsOf(t testing.TB, data []byte) []Problem {
	t.Helper()
	s, problem := parseFile("test.yaml", data)
	if problem != nil {
		return []Problem{*problem}
	}
	c := &Config{decoder: newDecoder(s, lookupOf(testVariables))}
	c.decoder.value(s.root, "", valueOf(&c.model))
	c.check(t.Context())
	if len(c.decoder.problems) == 0 {
		c.checkSDK(t.Context())
		_ = c.String()
	}
	return c.decoder.problems
}

// The schema and the decoder have the same keys and the same required keys.
func TestSchemaKeys(t *testing.T) {
	t.Parallel()
	var document map[string]any
	require.NoError(t, json.Unmarshal(Schema(), &document))
	w := walker{t: t, definitions: document["$defs"].(map[string]any)}
	w.compare("", reflect.TypeFor[model](), document)
	assert.Greater(t, w.keys, 100, "all keys were compared")
}

type walker struct {
	t           *testing.T
	definitions map[string]any
	keys        int
}

// objects returns the schemas of objects among the alternatives of a schema.
func (w *walker) objects(schema map[string]any) []map[string]any {
	if ref, ok := schema["$ref"].(string); ok {
		return w.objects(w.definitions[ref[len("#/$defs/"):]].(map[string]any))
	}
	var found []map[string]any
	if _, ok := schema["properties"]; ok {
		found = append(found, schema)
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		alternatives, _ := schema[key].([]any)
		for _, a := range alternatives {
			found = append(found, w.objects(a.(map[string]any))...)
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		found = append(found, w.objects(items)...)
	}
	return slices.CompactFunc(found, func(a, b map[string]any) bool { // a rule, and a list of them
		return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
	})
}

// structs returns the models that a field of this type may hold.
func structs(t reflect.Type) []reflect.Type {
	switch t {
	case reflect.TypeFor[exportersModel]():
		return []reflect.Type{reflect.TypeFor[stdoutModel](), reflect.TypeFor[mongodbModel](), reflect.TypeFor[otlpModel]()}
	case reflect.TypeFor[strategyModel]():
		return []reflect.Type{reflect.TypeFor[strategyMapping]()}
	case reflect.TypeFor[keyStoreModel]():
		return []reflect.Type{reflect.TypeFor[keyCollectionModel]()}
	case reflect.TypeFor[subjectModel]():
		return []reflect.Type{reflect.TypeFor[subjectMapping]()}
	case reflect.TypeFor[retentionModel]():
		return []reflect.Type{reflect.TypeFor[retentionBounds]()}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return structs(t.Elem())
	case reflect.Struct:
		return []reflect.Type{t}
	default:
		return nil
	}
}

func (w *walker) compare(path string, model reflect.Type, schema map[string]any) {
	var keys, required []string
	properties := schema["properties"].(map[string]any)
	fields := fieldsOf(reflect.New(model).Elem())
	for _, f := range fields {
		keys = append(keys, f.key)
		if f.required {
			required = append(required, f.key)
		}
	}
	w.keys += len(keys)
	var known, needed []string
	for key := range properties {
		known = append(known, key)
	}
	list, _ := schema["required"].([]any)
	for _, key := range list {
		needed = append(needed, key.(string))
	}
	assert.ElementsMatch(w.t, keys, known, path)
	assert.ElementsMatch(w.t, required, needed, path)
	assert.Equal(w.t, false, schema["additionalProperties"], path)
	for _, f := range fields {
		property, ok := properties[f.key].(map[string]any)
		if !ok {
			continue
		}
		types, objects := structs(f.value.Type()), w.objects(property)
		if assert.Len(w.t, objects, len(types), path+"."+f.key) {
			for i := range types {
				w.compare(path+"."+f.key, types[i], objects[i])
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(data)
		}
	}
	schema := compileSchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(problemsOf(t, data)) > 0 {
			return
		}
		assert.NoError(t, schema.Validate(instanceOf(t, data)), "a file that loads must pass the schema")
	})
}
