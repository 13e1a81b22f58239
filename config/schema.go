package config

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of the file, for editors and for checks
// without this package. It says less than Check, which alone knows variables and files.
func Schema() []byte { return slices.Clone(schema) }
