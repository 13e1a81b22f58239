package stdout

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/opendeed/audit/export"
)

// checkpoints holds the line of the newest checkpoint until it is written.
type checkpoints struct {
	on bool

	mu   sync.Mutex
	line []byte
}

// checkpointLine is the JSON of a checkpoint.
type checkpointLine struct {
	Checkpoint struct {
		Log  string    `json:"log"`
		Size int64     `json:"size"`
		Note string    `json:"note"`
		Time time.Time `json:"time"`
	} `json:"checkpoint"`
}

// KeepsCheckpoints reports whether the exporter has WithCheckpoints, and writes JSON.
func (e *Exporter) KeepsCheckpoints() bool { return e.checkpoints.on }

// ExportCheckpoint keeps the checkpoint, with WithCheckpoints, until the next records are written.
func (e *Exporter) ExportCheckpoint(_ context.Context, c export.Checkpoint) error {
	if !e.checkpoints.on {
		return nil
	}
	var l checkpointLine
	l.Checkpoint.Log, l.Checkpoint.Size, l.Checkpoint.Note, l.Checkpoint.Time = c.Log, c.Size, string(c.Note), c.Time.UTC()
	line, err := json.Marshal(l)
	if err != nil {
		return err
	}
	e.checkpoints.mu.Lock()
	defer e.checkpoints.mu.Unlock()
	line = append(line, '\n')
	e.checkpoints.line = line
	return nil
}

// take appends the line to what must be written first.
func (c *checkpoints) take(first []byte) []byte {
	if !c.on {
		return first
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	first = append(first, c.line...)
	c.line = nil
	return first
}
