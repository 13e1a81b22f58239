package audit

// Bulk describes a change, or a read, of many objects by one event. The zero value means that
// the event is about its target alone.
//
//	audit.Event{
//		Action: "article.archive", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
//		Target: audit.Target{Type: "article"},
//		Bulk:   audit.Bulk{Selector: "published_before=2020-01-01", Affected: 1204, Sample: ids[:20]},
//	}
//
// The event covers the signals of its operation on each object in the sample, as if that
// were its target. Signals of other objects are recorded, so if a data layer raises a
// signal for each object, put all IDs into the sample.
type Bulk struct {
	// Selector describes the objects in the application's own words. It is required.
	Selector string
	// Affected is the number of objects that were changed, or read, from 0 to 2^53-1.
	Affected int64
	// Sample holds the IDs of some objects, or of all. The SDK keeps the first 1000 and
	// marks the record if there are more.
	Sample []string
}

// IsZero reports whether the event is about its target alone.
func (b Bulk) IsZero() bool { return b.Selector == "" && b.Affected == 0 && len(b.Sample) == 0 }
