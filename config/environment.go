package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Variables that need special treatment.
const (
	exportersVariable = "AUDIT_EXPORTERS"
	ledgerVariable    = "AUDIT_LEDGER_DIR"
	uriVariable       = "AUDIT_MONGODB_URI"
)

// variable is an environment variable and the path of the key that it sets.
type variable struct {
	name string
	path []string
}

// generalVariables are the variables that do not belong to an exporter.
var generalVariables = []variable{
	{"AUDIT_TRACK_TIMEOUT", []string{"track_timeout"}},
	{"AUDIT_GAP_RECORDS", []string{"gap_records"}},
	{ledgerVariable, []string{"ledger", "dir"}},
	{"AUDIT_LEDGER_SYNC_INTERVAL", []string{"ledger", "sync_interval"}},
	{"AUDIT_LEDGER_MAX_SIZE", []string{"ledger", "max_size"}},
	{"AUDIT_LEDGER_SEGMENT_SIZE", []string{"ledger", "segment_size"}},
	{"AUDIT_LEDGER_RETENTION_AGE", []string{"ledger", "retention", "age"}},
	{"AUDIT_LEDGER_RETENTION_SIZE", []string{"ledger", "retention", "size"}},
	{"AUDIT_LEDGER_LOCK_WAIT", []string{"ledger", "lock_wait"}},
	{"AUDIT_LEDGER_GROUP_WRITABLE", []string{"ledger", "group_writable"}},
	{"AUDIT_LEDGER_SCRUB_RATE", []string{"ledger", "scrub_rate"}},
	{"AUDIT_LEDGER_DENSE_FRAMES", []string{"ledger", "dense_frames"}},
	{"AUDIT_LEDGER_INDEX", []string{"ledger", "index"}},
	{"AUDIT_SEAL_KEY", []string{"seal", "key"}},
	{"AUDIT_SEAL_PREVIOUS_KEY", []string{"seal", "previous_key"}},
	{"AUDIT_SEAL_ANCHOR", []string{"seal", "anchor"}},
	{"AUDIT_SEAL_WITNESSES", []string{"seal", "witnesses"}},
}

const anonymousVariable = "AUDIT_ANONYMOUS"

// exporterVariables are the variables of exporters, by type. OTLP has OpenTelemetry's.
var exporterVariables = map[string][]variable{
	typeStdout: {
		{"AUDIT_STDOUT_FILE", []string{"file"}},
		{"AUDIT_STDOUT_FORMAT", []string{"format"}},
		{"AUDIT_STDOUT_COLOR", []string{"color"}},
		{"AUDIT_STDOUT_PLACES", []string{"places"}},
		{"AUDIT_STDOUT_CHECKPOINTS", []string{"checkpoints"}},
	},
	typeMongoDB: {
		{uriVariable, []string{"uri"}},
		{"AUDIT_MONGODB_DATABASE", []string{"database"}},
		{"AUDIT_MONGODB_COLLECTION", []string{"collection"}},
		{"AUDIT_MONGODB_RETENTION", []string{"retention"}},
		{"AUDIT_MONGODB_INDEXES", []string{"indexes"}},
		{"AUDIT_MONGODB_CHECKPOINTS", []string{"checkpoints"}},
	},
}

// knownVariables returns the names of all variables of this package.
func knownVariables() []string {
	names := []string{FileVariable, exportersVariable, anonymousVariable}
	for _, list := range [][]variable{generalVariables, exporterVariables[typeStdout], exporterVariables[typeMongoDB]} {
		for _, v := range list {
			names = append(names, v.name)
		}
	}
	return names
}

// environment builds the nodes of a file from environment variables.
type environment struct {
	source source
	lookup func(string) (string, bool)
}

// readEnvironment returns the configuration in environment variables. An empty variable
// counts as not set.
func readEnvironment(lookup func(string) (string, bool), environ []string) (*source, []Problem) {
	e := environment{lookup: lookup, source: source{variables: map[*yaml.Node]string{}}}
	e.source.root = e.mapping(exportersVariable)
	for _, v := range generalVariables {
		e.put(e.source.root, v, false)
	}
	if patterns := e.get(anonymousVariable); patterns != "" {
		add(e.source.root, "anonymous", e.list(anonymousVariable, patterns))
	}
	add(e.source.root, "exporters", e.exporters())
	return &e.source, misspelled(environ)
}

func (e *environment) get(name string) string {
	value, _ := e.lookup(name)
	return strings.TrimSpace(value)
}

func (e *environment) node(kind yaml.Kind, tag, value, name string) *yaml.Node {
	n := &yaml.Node{Kind: kind, Tag: tag, Value: value}
	e.source.variables[n] = name
	return n
}

func (e *environment) mapping(name string) *yaml.Node {
	return e.node(yaml.MappingNode, "!!map", "", name)
}

func (e *environment) text(name, value string) *yaml.Node {
	return e.node(yaml.ScalarNode, tagText, value, name)
}

// list returns the elements of a comma-separated list.
func (e *environment) list(name, value string) *yaml.Node {
	n := e.node(yaml.SequenceNode, "!!seq", "", name)
	for element := range strings.SplitSeq(value, ",") {
		n.Content = append(n.Content, e.text(name, strings.TrimSpace(element)))
	}
	return n
}

// put adds the key of a variable to m, if the variable is set or required.
func (e *environment) put(m *yaml.Node, v variable, required bool) {
	value := e.get(v.name)
	if value == "" && !required {
		return
	}
	for _, key := range v.path[:len(v.path)-1] {
		inner := child(m, key)
		if inner == nil {
			inner = e.mapping(v.name)
			add(m, key, inner)
			if key == "ledger" && v.name != ledgerVariable {
				add(inner, "dir", e.text(ledgerVariable, "")) // the other keys require it
			}
		}
		m = inner
	}
	add(m, v.path[len(v.path)-1], e.text(v.name, value))
}

// exporters returns the node of the exporters.
func (e *environment) exporters() *yaml.Node {
	names := e.get(exportersVariable)
	if names == none {
		return e.text(exportersVariable, none)
	}
	list := e.list(exportersVariable, names)
	if names == "" {
		list.Content = nil
	}
	for i, element := range list.Content {
		exporterType := element.Value
		m := e.mapping(exportersVariable)
		add(m, "type", e.text(exportersVariable, exporterType))
		for _, v := range exporterVariables[exporterType] {
			e.put(m, v, v.name == uriVariable)
		}
		list.Content[i] = m
	}
	return list
}

func add(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: tagText, Value: key}, value)
}

func child(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// misspelled reports variables whose names are similar to a known one. Others with the same
// prefix may belong to the program.
func misspelled(environ []string) []Problem {
	known := knownVariables()
	var problems []Problem
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "AUDIT_") || slices.Contains(known, name) {
			continue
		}
		if suggestion := nearestWithin(2, name, known); suggestion != "" {
			problems = append(problems, Problem{Path: name, Message: "unknown variable", Suggestion: suggestion})
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return problems
}
