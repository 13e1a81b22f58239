package otlp

import (
	"encoding/binary"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// A tag is what stands before a field in protobuf: its number and how it is written.
// All of ours take one byte.
type tag byte

const (
	varint  = tag(protowire.VarintType)
	fixed64 = tag(protowire.Fixed64Type)
	bytes   = tag(protowire.BytesType)
)

// The fields of OTLP's messages (opentelemetry-proto, v1.11.1).
const (
	requestResourceLogs = 1<<3 | bytes

	resourceLogsResource  = 1<<3 | bytes
	resourceLogsScopeLogs = 2<<3 | bytes
	resourceLogsSchemaURL = 3<<3 | bytes

	resourceAttributes = 1<<3 | bytes

	scopeLogsScope   = 1<<3 | bytes
	scopeLogsRecords = 2<<3 | bytes

	scopeName    = 1<<3 | bytes
	scopeVersion = 2<<3 | bytes

	recordTime           = 1<<3 | fixed64
	recordSeverityNumber = 2<<3 | varint
	recordSeverityText   = 3<<3 | bytes
	recordAttributes     = 6<<3 | bytes
	recordTraceID        = 9<<3 | bytes
	recordSpanID         = 10<<3 | bytes
	recordObservedTime   = 11<<3 | fixed64
	recordEventName      = 12<<3 | bytes

	pairKey   = 1<<3 | bytes
	pairValue = 2<<3 | bytes

	valueString = 1<<3 | bytes
	valueBool   = 2<<3 | varint
	valueInt    = 3<<3 | varint
	valueDouble = 4<<3 | fixed64
	valueArray  = 5<<3 | bytes
	valueMap    = 6<<3 | bytes
	valueBytes  = 7<<3 | bytes

	listElements = 1<<3 | bytes // of an array and of a map
)

// wireWriter appends protobuf. The first failure is kept; what is written after it is
// thrown away.
type wireWriter struct {
	b      []byte
	member string // of the record, which is being written
	failed string // the member where writing failed
	reason string // why; empty if it did not
}

func (w *wireWriter) fail(reason string) {
	if w.reason == "" {
		w.failed, w.reason = w.member, reason
	}
}

// begin opens a message and reserves room for its length. end closes it.
func (w *wireWriter) begin(t tag, room int) (start int) {
	w.b = append(w.b, byte(t))
	w.b = append(w.b, "\x00\x00\x00\x00"[:room]...)
	return len(w.b)
}

// end writes the length of the message that begins at start, and makes its room fit.
func (w *wireWriter) end(start, room int) {
	size := len(w.b) - start
	if need := protowire.SizeVarint(uint64(size)); need != room {
		w.b = append(w.b, "\x00\x00\x00\x00\x00"...)
		copy(w.b[start-room+need:], w.b[start:start+size])
		w.b = w.b[:start-room+need+size]
		start += need - room
		room = need
	}
	protowire.AppendVarint(w.b[:start-room], uint64(size))
}

// smallRoom is room for the length of a message that is nearly always below 128 bytes.
const smallRoom = 1

// text writes a string, which protobuf wants to be UTF-8.
func (w *wireWriter) text(t tag, s string) {
	if !utf8.ValidString(s) {
		w.fail("it is not valid UTF-8")
	}
	w.b = append(w.b, byte(t))
	w.b = protowire.AppendVarint(w.b, uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *wireWriter) bytes(t tag, v []byte) {
	w.b = append(w.b, byte(t))
	w.b = protowire.AppendVarint(w.b, uint64(len(v)))
	w.b = append(w.b, v...)
}

func (w *wireWriter) varint(t tag, v uint64) {
	w.b = append(w.b, byte(t))
	w.b = protowire.AppendVarint(w.b, v)
}

func (w *wireWriter) fixed64(t tag, v uint64) {
	w.b = append(w.b, byte(t))
	w.b = binary.LittleEndian.AppendUint64(w.b, v)
}
