package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"runtime/debug"
	"strings"
)

// The part of CycloneDX 1.6 (https://cyclonedx.org) that says what is in a binary.
type (
	bill struct {
		Format      string      `json:"bomFormat"`
		SpecVersion string      `json:"specVersion"`
		Version     int         `json:"version"`
		Metadata    metadata    `json:"metadata"`
		Components  []component `json:"components"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type    string `json:"type"`
		Name    string `json:"name"`
		Version string `json:"version"`
		PURL    string `json:"purl,omitempty"`
		Hashes  []sum  `json:"hashes,omitempty"`
	}
	sum struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
)

// sbom returns the bill of materials of a binary, from what Go has recorded in it: every
// module that it links, and the standard library.
func sbom(binary, version string) ([]byte, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(binary) //nolint:gosec // just built
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(content)
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	b := bill{
		Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: metadata{component{
			Type: "application", Name: "deed", Version: version, PURL: "pkg:golang/" + program + "@" + version,
			Hashes: []sum{{"SHA-256", hex.EncodeToString(digest[:])}},
		}},
		Components: []component{{Type: "library", Name: "stdlib", Version: info.GoVersion, PURL: "pkg:golang/stdlib@" + goVersion}},
	}
	for _, module := range info.Deps {
		b.Components = append(b.Components, componentOf(module, version))
	}
	text, err := json.MarshalIndent(b, "", "  ")
	return append(text, '\n'), err
}

// isOurs reports whether a module is of this repository.
func isOurs(path string) bool {
	return path == "github.com/opendeed/audit" || strings.HasPrefix(path, "github.com/opendeed/audit/")
}

// componentOf describes a module. Those of this repository have the version of the release.
func componentOf(m *debug.Module, version string) component {
	if m.Replace != nil && m.Replace.Version != "" {
		m = m.Replace
	}
	v := cmp.Or(m.Version, "unknown")
	if isOurs(m.Path) {
		v = version
	}
	c := component{Type: "library", Name: m.Path, Version: v, PURL: "pkg:golang/" + m.Path + "@" + v}
	// The checksum of go.sum is that of all files of the module.
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(raw) == sha256.Size {
		c.Hashes = []sum{{"SHA-256", hex.EncodeToString(raw)}}
	}
	return c
}
