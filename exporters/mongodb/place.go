package mongodb

import (
	"github.com/opendeed/audit/export"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// memberPlace is beside the members of the record, and no part of it.
const memberPlace = "place"

// The members of a place.
const (
	placeLog = "log"
	placeSeq = "seq"
)

// place writes a place.
func (w *bsonWriter) place(p export.Place) {
	w.member = memberPlace
	start := w.begin(bson.TypeEmbeddedDocument, memberPlace)
	w.plain(placeLog, p.Log)
	w.int64(placeSeq, int64(p.Seq)) // sequence numbers have 63 bits
	w.end(start)
}

// PlaceOf returns the place that a document has beside its record: where the ledger has the
// record from which it was exported. ok is false if it has none, such as one that was not
// exported from a ledger.
func PlaceOf(document bson.Raw) (p export.Place, ok bool) {
	v, err := document.LookupErr(memberPlace)
	if err != nil {
		return export.Place{}, false
	}
	return placeOf(v)
}

func placeOf(v bson.RawValue) (p export.Place, ok bool) {
	document, ok := v.DocumentOK()
	if !ok {
		return export.Place{}, false
	}
	elements, err := document.Elements()
	if err != nil || len(elements) != 2 || elements[0].Key() != placeLog || elements[1].Key() != placeSeq {
		return export.Place{}, false
	}
	log, ok := elements[0].Value().StringValueOK()
	seq, isSeq := elements[1].Value().Int64OK()
	if !ok || !isSeq || seq <= 0 {
		return export.Place{}, false
	}
	return export.Place{Log: log, Seq: uint64(seq)}, true
}
