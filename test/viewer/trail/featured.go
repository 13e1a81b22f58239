package trail

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Featured is an object with a long life.
var Featured = audit.Target{Type: "article", ID: "hand-hygiene", Name: "Hand hygiene"}

const firstBody = `Wash your hands before each patient.

Use soap and water for at least 20 seconds.
Dry them with a paper towel.

Gloves do not replace washing.
Rings and watches are not allowed on the ward.
Nails are short and without polish.

Questions: infection control, extension 4711.
Valid until replaced.`

// featured is the life of one article, in the last days.
func (c *company) featured() {
	text := attribute.StringValue
	alice, bilal, chiara := people[0], people[1], people[2]
	end := c.until
	secondBody := strings.Replace(firstBody, "at least 20 seconds", "at least 30 seconds", 1)
	thirdBody := strings.Replace(strings.Replace(secondBody, "Use soap and water", "Use disinfectant, or soap and water,", 1), "extension 4711", "extension 4720 or chat", 1)
	step := func(ago time.Duration, who audit.Actor, e audit.Event, method, route string, status int) *record.Record {
		e.Target, e.Tenant = Featured, "northwind"
		return c.request(c.add(end.Add(-ago), who, e), method, route, status)
	}
	step(96*time.Hour, bilal, audit.Event{Action: "article.create", Operation: audit.OperationCreate, Changes: []audit.Change{
		{Field: "title", New: text("Hand hygene")},
		{Field: "body", New: text(firstBody)},
		{Field: "status", New: text("draft")},
		{Field: "audience", New: attribute.StringSliceValue([]string{"ward 3"})},
	}}, "POST", "/articles", 201)
	step(73*time.Hour, bilal, audit.Event{Action: "article.update", Operation: audit.OperationUpdate, Reason: "typing error in the title", Changes: []audit.Change{
		{Field: "title", Old: text("Hand hygene"), New: text("Hand hygiene")},
	}}, "PATCH", "/articles/:id", 200)
	step(50*time.Hour, alice, audit.Event{Action: "article.update", Operation: audit.OperationUpdate, Reason: "new guideline of the ministry", Changes: []audit.Change{
		{Field: "body", Old: text(firstBody), New: text(secondBody)},
		{Field: "audience", Old: attribute.StringSliceValue([]string{"ward 3"}), New: attribute.StringSliceValue([]string{"ward 3", "ward 4", "emergency"})},
	}}, "PATCH", "/articles/:id", 200)
	step(26*time.Hour, chiara, audit.Event{Action: "article.publish", Operation: audit.OperationUpdate, Outcome: audit.OutcomeDenied, Failure: "role approver is missing"}, "POST", "/articles/:id/publish", 403)
	step(5*time.Hour, alice, audit.Event{Action: "article.update", Operation: audit.OperationUpdate, Reason: "review of infection control", Changes: []audit.Change{
		{Field: "body", Old: text(secondBody), New: text(thirdBody)},
		{Field: "preview_token", Old: text(record.RedactedText), New: text(record.RedactedText), Redacted: true},
	}}, "PATCH", "/articles/:id", 200).AddRedacted("changes.preview_token")
	published := step(4*time.Minute, alice, audit.Event{Action: "article.publish", Operation: audit.OperationUpdate, Reason: "editorial approval", Changes: []audit.Change{
		{Field: "status", Old: text("draft"), New: text("published")}, {Field: "version", New: attribute.Int64Value(1)},
	}}, "POST", "/articles/:id/publish", 200)
	published.Metadata = append([]attribute.KeyValue{attribute.String("approval.note", strings.Repeat("Read by the board. ", 25))}, published.Metadata...)
	published.AddMark(mark.Mark{Path: "metadata.approval.note", Kind: mark.Cut, Length: 71_680, SHA256: sha256.Sum256([]byte("note"))})
}
