package query

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
)

// DryRun applies a policy to stored records and writes a report to w, so that a policy
// can be tried before sdk.WithPolicy puts it in force. The report has a line for each
// record, with the rule that matched and what the record would have been rejected for;
// then the totals of each event rule, and the rules that matched no record. A nil policy
// has no rules. The records come from any Reader:
//
//	err := query.DryRun(os.Stdout, p, reader.Find(ctx, query.Filter{Ascending: true}))
//
// A field that was redacted counts as present. The report cannot cover events that were
// never recorded: those that were rejected, and signals that an intent covered. DryRun
// skips records that cannot be read and returns their errors, joined.
func DryRun(w io.Writer, p *policy.Policy, records iter.Seq2[*record.Record, error]) error {
	d := newDryRun(w, p)
	var unread []error
	d.line("RECORD", "TIME", "ACTION", "ACTOR", "CHANNEL", "RULE", "REJECTED FOR")
	for r, err := range records {
		if err != nil {
			unread = append(unread, err)
			continue
		}
		if d.add(r); d.err != nil {
			return d.err
		}
	}
	d.totals(len(unread))
	if err := d.out.Flush(); err != nil {
		return err
	}
	return errors.Join(unread...)
}

// noRule is shown for records that match no rule.
const noRule = "(no rule)"

// dryRun is the state of a DryRun.
type dryRun struct {
	policy    *policy.Policy
	out       *bufio.Writer
	err       error // the first error from out
	width     int   // of the column of rule names
	rules     []tally
	unmatched tally
}

// tally counts the records that matched a rule.
type tally struct {
	name              string
	requests          bool // a request rule, which matches no record
	records, rejected int
}

func newDryRun(w io.Writer, p *policy.Policy) *dryRun {
	d := &dryRun{policy: p, out: bufio.NewWriter(w), width: len(noRule), unmatched: tally{name: noRule}}
	for _, r := range p.Rules() {
		d.rules = append(d.rules, tally{name: r.Name, requests: r.MatchesRequests()})
		if !r.MatchesRequests() {
			d.width = max(d.width, utf8.RuneCountInString(r.Name))
		}
	}
	return d
}

// add counts a record and writes its line.
func (d *dryRun) add(r *record.Record) {
	t := &d.unmatched
	if i := d.policy.Find(&r.Event, r.Channel); i >= 0 {
		t = &d.rules[i]
	}
	t.records++
	missing := missingFields(d.policy, r)
	if len(missing) > 0 {
		t.rejected++
	}
	d.line(r.ID.String(), r.Time.UTC().Format(time.RFC3339), r.Action, r.Actor.Type.String(), r.Channel, t.name, strings.Join(missing, ", "))
}

// missingFields returns the fields that a record would be rejected for, and "anonymous"
// for an actor that must not be.
func missingFields(p *policy.Policy, r *record.Record) (fields []string) {
	_, problems := p.Explain(&r.Event, r.Channel)
	for _, problem := range problems {
		invalid, ok := errors.AsType[*audit.ValidationError](problem)
		switch {
		case !ok:
			fields = append(fields, audit.ActorAnonymous.String())
		case !slices.Contains(r.Redacted, invalid.Field):
			fields = append(fields, invalid.Field)
		}
	}
	return fields
}

func (d *dryRun) line(id, at, action, actor, channel, rule, rejected string) {
	d.printf("%-36s  %-20s  %-24s  %-10s  %-8s  %-*s  %s", id, at, printable(action), actor, printable(channel), d.width, rule, rejected)
}

// printable quotes a text that has unprintable characters. The records may come from an
// untrusted store, and the report may be read on a terminal.
func printable(text string) string {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// totals writes the counts of each rule.
func (d *dryRun) totals(unread int) {
	var unused []string
	d.printf("")
	d.printf("%-*s  %9s  %9s", d.width, "RULE", "RECORDS", "REJECTED")
	for _, t := range append(slices.Clone(d.rules), d.unmatched) {
		if t.requests {
			continue
		}
		d.printf("%-*s  %9d  %9d", d.width, t.name, t.records, t.rejected)
		if t.records == 0 && t.name != noRule {
			unused = append(unused, t.name)
		}
	}
	if len(unused) > 0 {
		d.printf("")
		d.printf("No record matched: %s", strings.Join(unused, ", "))
	}
	if unread > 0 {
		d.printf("")
		d.printf("Skipped, because they could not be read: %d", unread)
	}
}

// printf writes a line without trailing spaces.
func (d *dryRun) printf(format string, args ...any) {
	if _, err := d.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n"); err != nil {
		d.err = err
	}
}
