package audit

// Bulk says that an event is about many objects at once: an application states a bulk
// change by it, which no data layer can do in its place. The zero value means that the
// event is about its target alone.
//
//	audit.Event{
//		Action: "article.archive", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
//		Target: audit.Target{Type: "article"},
//		Bulk:   audit.Bulk{Selector: "published_before=2020-01-01", Affected: 1204, Sample: ids[:20]},
//	}
//
// The event covers the signals of its own operation on the objects in the sample, as
// if each were its target. Those of others are recorded: put all ids into the sample
// where a data layer raises a signal for each.
type Bulk struct {
	// Selector says which objects, in the application's own words. It is required.
	Selector string
	// Affected is how many objects were changed, from 0 to MaxAffected.
	Affected int64
	// Sample holds ids of some of them, or all. The SDK keeps MaxSample at most, and
	// marks the record where there were more.
	Sample []string
}

const (
	// MaxSample is how many ids of a sample a record keeps.
	MaxSample = 1000
	// MaxAffected is the largest count of objects: 2^53-1, which every reader of JSON
	// can hold.
	MaxAffected = 1<<53 - 1
)

// IsZero reports whether the event is about its target alone.
func (b Bulk) IsZero() bool { return b.Selector == "" && b.Affected == 0 && len(b.Sample) == 0 }
