package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxFileSize is the size limit of a file, in bytes.
const maxFileSize = 1 << 20

// source is a parsed file, or the equivalent built from environment variables.
type source struct {
	file      string                // empty for the environment
	root      *yaml.Node            // a mapping, or nil
	variables map[*yaml.Node]string // the environment variable that a node comes from
}

// readFile reads and parses the file. If the source is nil, it returns a problem.
func readFile(path string) (*source, []Problem) {
	data, err := readBounded(path)
	if err != nil {
		return nil, []Problem{{File: path, Message: "it cannot be read: " + pathless(err), Err: err}}
	}
	s, problem := parseFile(path, data)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	return s, nil
}

var errTooLarge = errors.New("it is larger than " + strconv.Itoa(maxFileSize) + " bytes")

func readBounded(path string) (data []byte, err error) {
	file, err := os.Open(path) //nolint:gosec // the path comes from the operator
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err = io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err == nil && len(data) > maxFileSize {
		err = errTooLarge
	}
	return data, err
}

// pathless returns the text of an error without the path, which the problem shows already.
func pathless(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

func parseFile(path string, data []byte) (*source, *Problem) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		return nil, &Problem{File: path, Message: "it is empty"}
	case err != nil:
		return nil, syntaxProblem(path, err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, syntaxProblem(path, err)
		}
		return nil, &Problem{File: path, Line: second.Line, Column: max(1, second.Column), Message: "a second document starts here; a file must have one"}
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return nil, &Problem{File: path, Message: "it is empty"}
	}
	return &source{file: path, root: root}, nil
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// yamlText matches messages of the parser that do not quote the file.
var yamlText = regexp.MustCompile(
	`^(did not find|could not find|found|exceeded max|control characters|invalid|incomplete|unexpected) |not allowed in this context$`)

// yamlCounts matches messages whose line the parser counts from zero.
var yamlCounts = regexp.MustCompile(`^did not find expected ([<',-]|key|node)`)

// syntaxProblem returns the error of the parser, without its message if that may quote a
// value.
func syntaxProblem(path string, err error) *Problem {
	p := &Problem{File: path, Message: "it is not valid YAML"}
	match := yamlError.FindStringSubmatch(err.Error())
	if match == nil {
		return p
	}
	if line, err := strconv.Atoi(match[1]); err == nil {
		if yamlCounts.MatchString(match[2]) {
			line++
		}
		p.Line, p.Column = line, 1
	}
	if yamlText.MatchString(match[2]) {
		p.Message += ": " + match[2]
	}
	return p
}
