package config

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of the file, for editors and other tools.
// Check finds more problems, since it knows environment variables and files.
func Schema() []byte { return slices.Clone(schema) }
