package otlp

import (
	"context"
	"errors"

	"github.com/opendeed/audit/export"
	"go.opentelemetry.io/otel/attribute"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
)

// The attributes of a checkpoint.
const (
	attributeCheckpointLog  = "audit.checkpoint.log"
	attributeCheckpointSize = "audit.checkpoint.size"
	attributeCheckpointNote = "audit.checkpoint.note"
)

// CheckpointEventName is the event name of the log records that hold checkpoints.
const CheckpointEventName = "audit.checkpoint"

// KeepsCheckpoints returns true: the server gets each checkpoint.
func (*Exporter) KeepsCheckpoints() bool { return true }

// ExportCheckpoint sends the checkpoint of a sealed ledger as one log record. Decode skips it, and
// CheckpointOf returns it.
func (e *Exporter) ExportCheckpoint(ctx context.Context, c export.Checkpoint) error {
	w := wireWriter{member: "checkpoint"}
	group := w.begin(requestResourceLogs, groupRoom)
	scope := w.begin(resourceLogsScopeLogs, groupRoom)
	l := w.begin(scopeLogsRecords, groupRoom)
	if at, ok := w.nanos("checkpoint", c.Time); ok {
		w.fixed64(recordTime, at)
	}
	w.varint(recordSeverityNumber, uint64(logs.SeverityNumber_SEVERITY_NUMBER_INFO))
	w.text(recordSeverityText, "INFO")
	w.textPair(recordAttributes, attributeSchemaVersion, SchemaVersion)
	w.textPair(recordAttributes, attributeCheckpointLog, c.Log)
	size := attribute.Int64Value(c.Size)
	w.pair(recordAttributes, attributeCheckpointSize, &size, 0)
	w.textPair(recordAttributes, attributeCheckpointNote, string(c.Note))
	w.text(recordEventName, CheckpointEventName)
	w.end(l, groupRoom)
	w.end(scope, groupRoom)
	w.end(group, groupRoom)
	if w.reason != "" {
		return errors.New("otlp: the checkpoint cannot be encoded: " + w.reason)
	}
	reply, err := e.sender.send(ctx, w.b)
	if err == nil && reply.rejected > 0 {
		err = &ServerError{Rejected: true, Reason: "the server rejected the checkpoint", Message: reply.message}
	}
	return err
}

// CheckpointOf returns the checkpoint that a log record holds. ok is false for any other log
// record. Nothing is checked: package seal opens the note.
func CheckpointOf(l *logs.LogRecord) (c export.Checkpoint, ok bool) {
	if l.GetEventName() != CheckpointEventName {
		return export.Checkpoint{}, false
	}
	c.Time = fromNanos(l.GetTimeUnixNano())
	for _, kv := range l.GetAttributes() {
		switch kv.GetKey() {
		case attributeRecordID: // somebody's action has that name
			return export.Checkpoint{}, false
		case attributeCheckpointLog:
			c.Log = kv.GetValue().GetStringValue()
		case attributeCheckpointSize:
			c.Size = kv.GetValue().GetIntValue()
		case attributeCheckpointNote:
			c.Note = []byte(kv.GetValue().GetStringValue())
		}
	}
	return c, len(c.Note) > 0
}
