package otlp

import (
	"github.com/opendeed/audit/export"
	"go.opentelemetry.io/otel/attribute"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
)

// place writes the attributes of a place.
func (w *wireWriter) place(p export.Place) {
	w.member = "place"
	w.textPair(recordAttributes, attributePlaceLog, p.Log)
	seq := attribute.Int64Value(int64(p.Seq)) // sequence numbers have 63 bits
	w.pair(recordAttributes, attributePlaceSeq, &seq, 0)
}

// PlaceOf returns the place that a log record has beside its record: where the ledger has the
// record that was sent. ok is false if it has none, such as one that was not sent from a ledger.
func PlaceOf(l *logs.LogRecord) (p export.Place, ok bool) {
	for _, kv := range l.GetAttributes() {
		switch kv.GetKey() {
		case attributePlaceLog:
			p.Log = kv.GetValue().GetStringValue()
		case attributePlaceSeq:
			if v, isInt := kv.GetValue().GetValue().(*common.AnyValue_IntValue); isInt && v.IntValue > 0 {
				p.Seq = uint64(v.IntValue)
			}
		}
	}
	if p.Log == "" || p.Seq == 0 {
		return export.Place{}, false
	}
	return p, true
}
