package diff_test

import (
	"fmt"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"go.opentelemetry.io/otel/attribute"
)

// describe returns one line for each change.
func describe(changes []audit.Change) string {
	value := func(v attribute.Value) string {
		if v.Type() == attribute.EMPTY {
			return "nothing"
		}
		return v.String()
	}
	var lines strings.Builder
	for _, c := range changes {
		lines.WriteString(c.Field + ": " + value(c.Old) + " -> " + value(c.New) + "\n")
	}
	return lines.String()
}

func Example() {
	type address struct {
		City string `audit:"city"`
	}
	type customer struct {
		Name      string            `audit:"name"`
		Email     *string           `audit:"email"`
		IBAN      string            `audit:"iban,sensitive"`
		Address   address           `audit:"address"`
		Labels    map[string]string `audit:"labels"`
		LoginHash string            // not recorded
	}
	email := "alice@example.com"
	before := customer{Name: "Alice", IBAN: "DE00", Address: address{"Berlin"}, Labels: map[string]string{"tier": "free"}, LoginHash: "x"}
	after := customer{Name: "Alice", IBAN: "DE01", Address: address{"Paris"}, Labels: map[string]string{"tier": "pro"}, LoginHash: "y", Email: &email}

	changes, err := audit.Diff(before, after)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(describe(changes))
	// Output:
	// email: nothing -> alice@example.com
	// iban: ***REDACTED*** -> ***REDACTED***
	// address.city: Berlin -> Paris
	// labels.tier: free -> pro
}

// The field tagged key identifies the elements of a slice, so their order does not matter.
func Example_slices() {
	type line struct {
		SKU   string `audit:"sku,key"`
		Count int    `audit:"count"`
	}
	type order struct {
		Lines []line   `audit:"lines"`
		Notes []string `audit:"notes"`
	}
	before := order{Lines: []line{{"A-17", 1}, {"B-4", 2}}, Notes: []string{"gift"}}
	after := order{Lines: []line{{"B-4", 3}, {"A-17", 1}, {"C-9", 1}}, Notes: []string{"gift", "fragile"}}

	changes, err := audit.Diff(before, after)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(describe(changes))
	// Output:
	// lines.B-4.count: 2 -> 3
	// lines.C-9.sku: nothing -> C-9
	// lines.C-9.count: nothing -> 1
	// notes: ["gift"] -> ["gift","fragile"]
}

// A mistake in a tag is an error that names the field.
func Example_mistake() {
	type account struct {
		Password string `audit:"password, sensitive"`
	}
	_, err := audit.Diff(account{}, account{})
	fmt.Println(err)
	// Output:
	// audit: diff_test.account.Password: the tag has the unknown option " sensitive"; there are sensitive, key and precision
}

// WithFields opts in the keys of documents that no struct describes.
func ExampleWithFields() {
	settings := diff.WithFields(map[string]diff.Rule{
		"theme":          diff.Tracked,
		"limits":         diff.Tracked, // with all keys below it
		"webhook.url":    diff.Tracked,
		"webhook.secret": diff.Sensitive,
	})
	before := map[string]any{"theme": "dark", "limits": map[string]any{"users": 5, "seats": 1}, "webhook": map[string]any{"secret": "a"}, "seen": 1}
	after := map[string]any{"theme": "dark", "limits": map[string]any{"users": 9, "seats": 1}, "webhook": map[string]any{"secret": "b", "url": "https://example.com"}, "seen": 2}

	changes, err := audit.Diff(before, after, settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(describe(changes))
	// Output:
	// limits.users: 5 -> 9
	// webhook.secret: ***REDACTED*** -> ***REDACTED***
	// webhook.url: nothing -> https://example.com
}

// WithFields opts in the fields of structs of other packages by their Go names.
func ExampleWithFields_structs() {
	type external struct {
		Name  string
		Token string
		Plan  struct{ Name string }
	}
	before, after := external{Name: "a", Token: "1"}, external{Name: "b", Token: "2"}
	after.Plan.Name = "pro"

	changes, err := audit.Diff(before, after, diff.WithFields(map[string]diff.Rule{
		"Name":      diff.Tracked,
		"Token":     diff.Sensitive,
		"Plan.Name": diff.Tracked,
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(describe(changes))
	// Output:
	// Name: a -> b
	// Token: ***REDACTED*** -> ***REDACTED***
	// Plan.Name:  -> pro
}
