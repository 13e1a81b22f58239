package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opendeed/audit/cmd/deed/internal/exportfile"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/seal"
)

// provedText says what a proof shows of an export, and what nobody can tell.
func provedText(p *seal.BatchProof) string {
	first, last := slices.Min(p.Leaves), slices.Max(p.Leaves)
	size := p.Checkpoint.Size
	if !p.Contiguous() {
		return fmt.Sprintf("  proved       every record is genuine; they are a selection from leaves %s to %s of %s\n  not proved   that none was left out which matches the filter\n",
			term.Count(first), term.Count(last), term.Count(size))
	}
	text := fmt.Sprintf("  proved       every record is genuine; it has all records of this part of the ledger, leaves %s to %s of %s: none was left out\n",
		term.Count(first), term.Count(last), term.Count(size))
	if int64(len(p.Leaves)) < size {
		text += "  not proved   that no record before or after this part matches the filter\n"
	}
	return text
}

// readManifest returns the manifest of an export, or nil if it has none. It fails if the manifest
// is of another file.
func readManifest(file string) (*report.Manifest, error) {
	name := file + exportfile.ManifestSuffix
	text, err := os.ReadFile(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &report.Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s is not a manifest: %w", name, err)
	}
	sum, err := hashFile(file)
	if err != nil {
		return nil, err
	}
	if m.SHA256 != sum {
		return nil, fmt.Errorf("%s describes another file: the SHA-256 that it has is not that of %s", name, file)
	}
	return m, nil
}

func hashFile(file string) (sum string, err error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// manifestText says how the records were chosen. Nobody has signed it.
func manifestText(file string, m *report.Manifest) string {
	name := term.Clean(file + exportfile.ManifestSuffix)
	if m == nil {
		return "  chosen by    unknown: there is no " + name + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  chosen by    what %s says, which nobody has signed:\n", name)
	fmt.Fprintf(&b, "    sources    %s\n", term.Clean(strings.Join(m.Plan.Sources, ", ")))
	filter := &bytes.Buffer{}
	if json.Compact(filter, m.Plan.Filter) != nil {
		filter.Reset()
	}
	fmt.Fprintf(&b, "    filter     %s\n", term.Clean(filter.String()))
	if g := m.Range; g.FirstTime != nil && g.LastTime != nil {
		fmt.Fprintf(&b, "    range      %s to %s\n", g.FirstTime.UTC().Format("2006-01-02 15:04:05 MST"), g.LastTime.UTC().Format("2006-01-02 15:04:05 MST"))
	}
	if m.Plan.Part {
		b.WriteString("    part       whoever exported it may not see all records and fields\n")
	}
	for _, problem := range m.Problems {
		fmt.Fprintf(&b, "    problem    %s\n", term.Clean(problem))
	}
	return b.String()
}
