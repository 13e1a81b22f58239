package config

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder decodes YAML nodes into a model and collects all problems. The tag "key" of a field
// has the name of its key, and may add ",required".
type decoder struct {
	source   *source
	lookup   func(string) (string, bool) // of variables
	problems []Problem
	nodes    map[string]*yaml.Node // by path
	values   []string              // values that may be secrets
	hidden   map[*yaml.Node]bool   // nodes that String does not show
}

func newDecoder(s *source, lookup func(string) (string, bool)) *decoder {
	return &decoder{source: s, lookup: lookup, nodes: map[string]*yaml.Node{}, hidden: map[*yaml.Node]bool{}}
}

// composite is a value that can be written in several forms.
type composite interface {
	decode(d *decoder, n *yaml.Node, path string)
}

// problem reports a problem at a node.
func (d *decoder) problem(n *yaml.Node, path, message, suggestion string) {
	d.problems = append(d.problems, d.problemAt(n, path, Problem{Message: message, Suggestion: suggestion}))
}

func (d *decoder) problemAt(n *yaml.Node, path string, p Problem) Problem {
	p.File, p.Path = d.source.file, path
	if variable := d.source.variables[n]; variable != "" {
		p.Path = variable
	}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	return p
}

// at returns the node at the path, or the nearest one that encloses it.
func (d *decoder) at(path string) *yaml.Node {
	for path != "" {
		if n := d.nodes[path]; n != nil {
			return n
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return d.source.root
}

// hasProblem reports whether a problem was reported at the path or below it.
func (d *decoder) hasProblem(path string) bool {
	return slices.ContainsFunc(d.problems, func(p Problem) bool {
		rest, ok := strings.CutPrefix(p.Path, path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// report reports a problem at a decoded path.
func (d *decoder) report(path, message string) { d.problem(d.at(path), path, message, "") }

// reportError reports an error of another package, without values that may be secrets.
func (d *decoder) reportError(path string, err error) {
	p := Problem{Message: d.clean(err.Error()), Err: err}
	if p.Message != err.Error() {
		p.Err = &cleanedError{text: p.Message, is: func(target error) bool { return errors.Is(err, target) }}
	}
	key, _, _ := strings.Cut(path, ".")
	for _, prefix := range []string{"sdk: cannot create the tracker provider: ", "WithLedger: ", key + ": "} {
		p.Message = strings.TrimPrefix(p.Message, prefix) // the path says it
	}
	d.problems = append(d.problems, d.problemAt(d.at(path), path, p))
}

// hideVariables removes the values of variables from later messages.
func (d *decoder) hideVariables(variables ...string) {
	for _, name := range variables {
		if value, _ := d.lookup(name); value != "" {
			d.values = append(d.values, value)
		}
	}
}

// clean removes values that may be secrets from a text.
func (d *decoder) clean(text string) string {
	var values []string
	for _, v := range d.values {
		v = strings.TrimSpace(v)
		quoted := strconv.Quote(v)
		values = append(values, v, quoted[1:len(quoted)-1])
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, v := range values {
		if len(v) >= minSecret {
			text = strings.ReplaceAll(text, v, hiddenText)
		}
	}
	return text
}

const (
	// hiddenText replaces hidden values.
	hiddenText = "***"
	// minSecret is the shortest value, in bytes, that is removed from messages.
	minSecret = 4
)

// value decodes a node into v, which must be settable.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	d.nodes[path] = n
	if !d.checkPlain(n, path) {
		return
	}
	switch target := v.Addr().Interface().(type) {
	case composite:
		target.decode(d, n, path)
		return
	case scalar:
		d.scalar(n, path, target)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		target := reflect.New(v.Type().Elem())
		d.value(n, path, target.Elem())
		v.Set(target)
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Slice:
		d.sequence(n, path, v)
	case reflect.Map:
		d.mapping(n, path, v)
	default:
		panic("config: the model has a " + v.Type().String())
	}
}

// checkPlain reports YAML features that a configuration does not support.
func (d *decoder) checkPlain(n *yaml.Node, path string) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.problem(n, path, "anchors and aliases are not supported; repeat the value", "")
	case n.Style&yaml.TaggedStyle != 0:
		d.problem(n, path, "tags are not supported; remove it", "")
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		d.problem(n, path, "it is empty; set a value, or remove the key", "")
	case n.Kind == yaml.ScalarNode && n.ShortTag() == tagFloat && strings.ContainsAny(n.Value, "nN"):
		d.problem(n, path, "it is not a number", "") // infinity or NaN
	default:
		return true
	}
	return false
}

func (d *decoder) scalar(n *yaml.Node, path string, target scalar) {
	text, literal, ok := d.text(n, path)
	if !ok {
		return
	}
	if fault := target.set(text); fault != nil {
		if text == "" && d.source.file == "" {
			fault.message = "it is not set"
		}
		d.problem(n, path, fault.message, fault.suggestion)
		return
	}
	if literal && !slices.Contains(target.tags(), n.ShortTag()) {
		message := "it must be a string; put it in quotation marks"
		if n.ShortTag() == tagText {
			message = "it must not be in quotation marks"
		}
		d.problem(n, path, message, "")
		return
	}
	switch s := target.(type) {
	case *secret:
		d.hide(n, text)
	case *endpoint:
		if s.isSecret() {
			d.hide(n, text)
		}
	}
}

// scalarOr decodes a node into a scalar or, if it is a mapping, into a new structure, which it
// returns.
func scalarOr[T any](d *decoder, n *yaml.Node, path string, target scalar) *T {
	if n.Kind != yaml.MappingNode {
		d.scalar(n, path, target)
		return nil
	}
	m := new(T)
	d.structure(n, path, valueOf(m))
	return m
}

// hideSecret hides a scalar whose text, as it is written, has a secret.
func (d *decoder) hideSecret(n *yaml.Node) {
	if hasSecret(n.Value) {
		d.hide(n, n.Value)
	}
}

func (d *decoder) hide(n *yaml.Node, text string) {
	d.hidden[n] = true
	d.values = append(d.values, text)
}

// text returns the text of a scalar with variables expanded. It is literal if it has no
// variables; then its YAML type matters.
func (d *decoder) text(n *yaml.Node, path string) (text string, literal, ok bool) {
	if n.Kind != yaml.ScalarNode {
		d.problem(n, path, "it must be a single value", "")
		return "", false, false
	}
	d.hideSecret(n)
	if d.source.file == "" {
		return n.Value, false, true
	}
	x := expand(n.Value, d.lookup)
	d.values = append(d.values, x.values...)
	for _, message := range x.faults {
		d.problem(n, path, message, "")
	}
	return x.text, !strings.Contains(n.Value, "$"), len(x.faults) == 0
}

func (d *decoder) sequence(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.problem(n, path, "it must be a list", "")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, path+"["+strconv.Itoa(i)+"]", list.Index(i))
	}
	v.Set(list)
}

// keys calls f for each key of a mapping. It returns false if the node is not a mapping.
func (d *decoder) keys(n *yaml.Node, path string, f func(key, value *yaml.Node)) bool {
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "it must be a mapping of keys to values", "")
		return false
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		switch line, exists := lines[key.Value]; {
		case key.ShortTag() == "!!merge":
			d.problem(key, path, "merge keys are not supported; repeat the values", "")
		case key.Kind != yaml.ScalarNode || key.ShortTag() != tagText || key.Style&yaml.TaggedStyle != 0 || key.Anchor != "":
			d.problem(key, path, "a key must be a plain string", "")
		case exists:
			d.problem(key, at, "the key is already in line "+strconv.Itoa(line), "")
		default:
			lines[key.Value] = key.Line
			f(key, value)
		}
	}
	return true
}

// mapping decodes a mapping with arbitrary keys.
func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value) {
	m := reflect.MakeMap(v.Type())
	if !d.keys(n, path, func(key, value *yaml.Node) {
		d.hideSecret(key)
		if isSecretKey(key.Value) {
			d.hide(value, value.Value)
		}
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(value, join(path, key.Value), element)
		if !element.IsZero() {
			m.SetMapIndex(reflect.ValueOf(key.Value), element)
		}
	}) {
		return
	}
	v.Set(m)
}

// structure decodes a mapping with known keys.
func (d *decoder) structure(n *yaml.Node, path string, v reflect.Value) {
	fields := fieldsOf(v)
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	present := map[string]bool{}
	if !d.keys(n, path, func(key, value *yaml.Node) {
		at := join(path, key.Value)
		i := slices.Index(known, key.Value)
		if i < 0 {
			d.problem(key, unknownPath(path, key.Value), "unknown key", nearest(key.Value, known))
			return
		}
		present[key.Value] = true
		d.value(value, at, fields[i].value)
	}) {
		return
	}
	for _, f := range fields {
		if f.required && !present[f.key] {
			d.problem(n, join(path, f.key), "it is missing", "")
		}
	}
}

// field is a field of a model.
type field struct {
	key      string
	required bool
	value    reflect.Value
}

// fieldsOf returns the fields of a struct, including those of embedded structs.
func fieldsOf(v reflect.Value) []field {
	var fields []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			fields = append(fields, fieldsOf(v.Field(i))...)
			continue
		}
		key, option, _ := strings.Cut(f.Tag.Get("key"), ",")
		if key != "" {
			fields = append(fields, field{key: key, required: option == "required", value: v.Field(i)})
		}
	}
	return fields
}

// join adds keys to a path. It hides keys that do not look like names, since they may be
// secrets.
func join(path string, keys ...string) string {
	for _, key := range keys {
		switch {
		case key == "" || len(key) > 64 || strings.Trim(key, keyLetters+".") != "" || hasSecret(key):
			path += `["?"]`
		case strings.Contains(key, "."):
			path += `["` + key + `"]`
		case path == "":
			path = key
		default:
			path += "." + key
		}
	}
	return path
}

const keyLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
