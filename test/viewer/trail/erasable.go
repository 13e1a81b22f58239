package trail

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// The patients whose addresses are erasable. That of Erased was erased since.
var (
	Erasable = audit.Target{Type: "patient", ID: "p-900"}
	Erased   = audit.Target{Type: "patient", ID: "p-901"}
)

// erasable has two patients move, and one of them be forgotten.
func (c *company) erasable() {
	moved := func(patient audit.Target, ago time.Duration) {
		before, after := erasableText(patient, "before"), erasableText(patient, "after")
		r := c.request(c.add(c.until.Add(-ago), people[3], audit.Event{
			Action: "patient.move", Operation: audit.OperationUpdate, Target: patient, Tenant: "northwind", Reason: "the patient called",
			Changes: []audit.Change{{Field: "address", Old: attribute.StringValue(before), New: attribute.StringValue(after), Redacted: true}},
		}), "PATCH", "/patients/:id", 200)
		r.AddRedacted("changes.address")
	}
	moved(Erasable, 31*time.Hour)
	moved(Erased, 30*time.Hour)
	begin := c.add(c.until.Add(-7*time.Hour), people[4], audit.Event{
		Action: semconv.ActionSubjectErase, Operation: audit.OperationDelete, Target: Erased, Tenant: "northwind", Reason: "request 17 of the patient",
		Metadata: []attribute.KeyValue{semconv.ErasureKeyIDKey.String(keyOf(Erased))},
	})
	event := begin.Event
	begin.Outcome, begin.Attempt = audit.OutcomeUnknown, begin.ID
	c.add(c.until.Add(-7*time.Hour+40*time.Millisecond), people[4], event).Attempt = begin.ID
}

// keyOf returns the ID of the key of a patient.
func keyOf(patient audit.Target) string { return digits("key of "+patient.ID, 16) }

// erasableText returns a text in the form of an erasable value, which nobody can open.
func erasableText(patient audit.Target, value string) string {
	return record.ErasablePrefix + keyOf(patient) + ":" + digits("commitment "+patient.ID+value, 32) + ":" + digits("sealed 1 "+patient.ID+value, 30) + digits("sealed 2 "+patient.ID+value, 30)
}

// digits returns a number of bytes in Base64 that follow from a text.
func digits(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:n])
}
