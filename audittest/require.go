package audittest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// RequireRecord returns the one record that meets all conditions. It ends the test tb if
// no record or more than one meets them. The message has one line for each record, and
// says what differs:
//
//	audittest: want one record with action article.update and target article "1002", got 0:
//	>  1. article.update, success, by user "42", on article "1001" != article "1002"
//	   2. article.delete != article.update, success, by user "42", on article "7" != article "1002"
//
// The lines after ">" are the closest.
func (r *Recorder) RequireRecord(tb testing.TB, conditions ...Matcher) *record.Record {
	tb.Helper()
	records := r.Records()
	found := matching(records, conditions)
	if len(found) == 1 {
		return found[0]
	}
	tb.Fatalf("audittest: want one record%s, got %d%s", inWords(conditions), len(found), list(records, conditions))
	return nil
}

// RequireNoRecord ends the test tb if a record meets all conditions. Without conditions,
// every record does. The message is that of RequireRecord: the lines after ">" are the
// records that meet the conditions.
//
// To rule out several actions, call it once for each: no record meets both conditions.
func (r *Recorder) RequireNoRecord(tb testing.TB, conditions ...Matcher) {
	tb.Helper()
	records := r.Records()
	if found := matching(records, conditions); len(found) > 0 {
		tb.Fatalf("audittest: want no record%s, got %d%s", inWords(conditions), len(found), list(records, conditions))
	}
}

// matching returns the records that meet all conditions.
func matching(records []*record.Record, conditions []Matcher) []*record.Record {
	var found []*record.Record
	for _, r := range records {
		if len(differences(r, records, conditions)) == 0 {
			found = append(found, r)
		}
	}
	return found
}

// difference is a condition that a record does not meet.
type difference struct{ part, got, want string }

func differences(r *record.Record, all []*record.Record, conditions []Matcher) []difference {
	var found []difference
	for _, m := range conditions {
		if got, ok := m.check(r, all); !ok {
			found = append(found, difference{m.part, got, m.want})
		}
	}
	return found
}

// inWords returns e.g. ` with action article.update and outcome success`.
func inWords(conditions []Matcher) string {
	if len(conditions) == 0 {
		return ""
	}
	words := make([]string, len(conditions))
	for i, m := range conditions {
		words[i] = m.String()
	}
	last := len(words) - 1
	if last == 0 {
		return " with " + words[0]
	}
	return " with " + strings.Join(words[:last], ", ") + " and " + words[last]
}

// list returns the records, one a line, with what differs from the conditions, for a failure
// message. It marks the closest unless all records are equally close.
func list(records []*record.Record, conditions []Matcher) string {
	if len(records) == 0 {
		return ": nothing was recorded. A scope records its signals when it ends."
	}
	differ := make([][]difference, len(records))
	fewest, most := len(conditions), 0
	for i, r := range records {
		differ[i] = differences(r, records, conditions)
		fewest, most = min(fewest, len(differ[i])), max(most, len(differ[i]))
	}
	var b strings.Builder
	b.WriteByte(':')
	for i, r := range records {
		mark := ' '
		if len(differ[i]) == fewest && fewest < most {
			mark = '>'
		}
		fmt.Fprintf(&b, "\n%c%3d. %s", mark, i+1, line(r, records, differ[i]))
	}
	return b.String()
}

// part is what a line says of a part of a record.
type part struct {
	name, lead string
	text       func(r *record.Record, all []*record.Record) string
	none       string // what text returns of a record that does not have it
}

// parts are what a line says of every record that has it, in this order.
var parts = []part{
	{"action", "", of(actionOf), ""},
	{"kind", "", of(kindOf), audit.KindIntent.String()},
	{"attempt", "attempt ", attemptOf, "none"},
	{"outcome", "", of(outcomeOf), ""},
	{"actor", "by ", of(actorOf), ""},
	{"target", "on ", of(targetOf), "none"},
	{"changed", "changed ", of(changedOf), "[]"},
	{"reason", "reason ", of(reasonOf), `""`},
	{"failure", "failure ", of(failureOf), `""`},
}

func of(text func(*record.Record) string) func(*record.Record, []*record.Record) string {
	return func(r *record.Record, _ []*record.Record) string { return text(r) }
}

// line returns e.g. article.update != article.create, success, by user "42", on article
// "1001", changed ["title"], tenant "acme" != "other".
func line(r *record.Record, all []*record.Record, differ []difference) string {
	var words []string
	for _, p := range parts {
		text := p.text(r, all)
		word, shown := p.lead+short(text), text != p.none
		for _, d := range differ {
			if d.part == p.name {
				word, shown = word+" != "+short(d.want), true
			}
		}
		if shown {
			words = append(words, word)
		}
	}
	for _, d := range differ {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == d.part }) {
			words = append(words, strings.TrimSpace(d.part+" "+short(d.got))+" != "+short(d.want))
		}
	}
	return strings.Join(words, ", ")
}
