package record_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

func approval() *record.Record {
	return &record.Record{Event: audit.Event{
		ID:      audit.ID{0x01, 0x99, 0xc1, 0xf2, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1},
		Time:    time.Date(2026, time.November, 23, 7, 26, 2, 0, time.UTC),
		Action:  "invoice.approve",
		Actor:   audit.User("42"),
		Outcome: audit.OutcomeSuccess,
		Metadata: []attribute.KeyValue{
			attribute.Float64("amount", 100),
			attribute.Int("items", 3),
		},
	}}
}

func ExampleRecord_AppendJSON() {
	line, err := approval().AppendJSON(nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
	// Output:
	// {"action":"invoice.approve","actor":{"id":"42","type":"user"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","metadata":{"amount":{"$f":"100"},"items":3},"outcome":"success","time":"2026-11-23T07:26:02.000000000Z"}
}

func ExampleRecord_MarshalJSON() {
	// Without escapes for HTML the record stays canonical.
	e := json.NewEncoder(os.Stdout)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]any{"page": 1, "records": []*record.Record{approval()}}); err != nil {
		panic(err)
	}
	// Output:
	// {"page":1,"records":[{"action":"invoice.approve","actor":{"id":"42","type":"user"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","metadata":{"amount":{"$f":"100"},"items":3},"outcome":"success","time":"2026-11-23T07:26:02.000000000Z"}]}
}

func ExampleRecord_UnmarshalJSON() {
	line, err := approval().AppendJSON(nil)
	if err != nil {
		panic(err)
	}
	var r record.Record
	if err := r.UnmarshalJSON(line); err != nil {
		panic(err)
	}
	amount := r.Metadata[0]
	fmt.Println(r.Action, r.Actor.ID, amount.Key, amount.Value.Type(), amount.Value.AsFloat64())
	// Output:
	// invoice.approve 42 amount FLOAT64 100
}

func ExampleFormatError() {
	line, err := approval().AppendJSON(nil)
	if err != nil {
		panic(err)
	}
	forged := strings.Replace(string(line), `"type":"user"`, `"type":"root"`, 1)
	var r record.Record
	err = r.UnmarshalJSON([]byte(forged))
	if bad := (*record.FormatError)(nil); errors.As(err, &bad) {
		fmt.Println(bad.Path, "at byte", bad.Offset)
	}
	fmt.Println(err)
	// Output:
	// actor.type at byte 54
	// record: byte 54: actor.type: it is none of the words
}

func ExampleUnrepresentable() {
	type job struct {
		Run func() `audit:"run"`
	}
	changes, err := audit.Diff(job{}, job{Run: func() {}})
	if err != nil {
		fmt.Println(err)
		return
	}
	typeName, ok := record.Unrepresentable(changes[0].New)
	fmt.Println(typeName, ok)
	// Output: func() true
}
