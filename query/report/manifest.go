package report

import (
	"encoding/json"
	"time"

	"github.com/opendeed/audit/query"
)

// Manifest describes a complete file of records. docs/deed.md has its members.
type Manifest struct {
	Version  int       `json:"version"`
	File     string    `json:"file"`
	Records  int64     `json:"records"`
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256"`
	Complete bool      `json:"complete"`
	Problems []string  `json:"problems,omitempty"`
	Range    Range     `json:"range"`
	Plan     Plan      `json:"export"`
	Created  time.Time `json:"created"`
	By       string    `json:"by,omitempty"`
	Tool     string    `json:"tool"`
}

// FileName returns the name of a file that nobody has named, such as audit-20261127-143000.csv: the
// time is in UTC, and the name ends in the format.
func FileName(at time.Time, format string) string {
	return "audit-" + at.UTC().Format("20060102-150405") + "." + format
}

// ManifestVersion is the version of the manifest.
const ManifestVersion = 1

// Plan says what is in the file.
type Plan struct {
	Format  string          `json:"format"`
	Columns []string        `json:"columns,omitempty"`
	Zone    string          `json:"zone"`
	Filter  json.RawMessage `json:"filter"` // with the end of the time, so that all is from one range
	Sources []string        `json:"sources"`
	// Part reports whether there may be records or fields that are not in the file because the
	// person who exported may not see them.
	Part bool `json:"part,omitempty"`
}

// Range is what the records span.
type Range struct {
	FirstTime *time.Time `json:"first_time,omitempty"`
	LastTime  *time.Time `json:"last_time,omitempty"`
	FirstID   string     `json:"first_id,omitempty"`
	LastID    string     `json:"last_id,omitempty"`
}

// AddFirst notes the first record.
func (g *Range) AddFirst(l *query.Line) {
	t := l.Time.UTC()
	g.FirstTime, g.FirstID = &t, l.ID.String()
}

// AddLast notes the last record so far.
func (g *Range) AddLast(l *query.Line) {
	t := l.Time.UTC()
	g.LastTime, g.LastID = &t, l.ID.String()
}
