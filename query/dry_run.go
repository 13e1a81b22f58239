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

// DryRun prints which rule of a policy each record would have met, before the policy is
// put in force by sdk.WithPolicy. It prints a line for each record as it comes, with what
// it would have been refused for, if it would; then the totals of each rule about events,
// and which of them no record met.
//
//	err := query.DryRun(os.Stdout, p, reader.Find(ctx, query.Filter{Ascending: true}))
//
// What was redacted counts as having been there. What was never recorded cannot be
// judged: events that were refused, and signals that were covered. Where records cannot
// be read it goes on with the rest, and returns the errors, joined.
func DryRun(w io.Writer, p *policy.Policy, records iter.Seq2[*record.Record, error]) error {
	d := newDryRun(w, p)
	var unread []error
	d.line("RECORD", "TIME", "ACTION", "ACTOR", "CHANNEL", "RULE", "REFUSED FOR")
	for r, err := range records {
		if err != nil {
			unread = append(unread, err)
			continue
		}
		if d.judge(r); d.err != nil {
			return d.err
		}
	}
	d.totals(len(unread))
	if err := d.out.Flush(); err != nil {
		return err
	}
	return errors.Join(unread...)
}

// noRule stands for the name of a rule.
const noRule = "(no rule)"

// dryRun is one that is under way.
type dryRun struct {
	policy *policy.Policy
	out    *bufio.Writer
	err    error // of writing
	width  int   // of the names of rules
	rules  []tally
	none   tally // met no rule
}

// tally is what a rule comes to.
type tally struct {
	name             string
	requests         bool // it is about those, and met by no record
	records, refused int
}

func newDryRun(w io.Writer, p *policy.Policy) *dryRun {
	d := &dryRun{policy: p, out: bufio.NewWriter(w), width: len(noRule), none: tally{name: noRule}}
	for _, r := range p.Rules() {
		d.rules = append(d.rules, tally{name: r.Name, requests: r.AboutRequests()})
		if !r.AboutRequests() {
			d.width = max(d.width, utf8.RuneCountInString(r.Name))
		}
	}
	return d
}

func (d *dryRun) judge(r *record.Record) {
	t := &d.none
	if i := d.policy.Find(&r.Event, r.Channel); i >= 0 {
		t = &d.rules[i]
	}
	t.records++
	lacks := lacking(d.policy, r)
	if len(lacks) > 0 {
		t.refused++
	}
	d.line(r.ID.String(), r.Time.UTC().Format(time.RFC3339), r.Action, r.Actor.Type.String(), r.Channel, t.name, strings.Join(lacks, ", "))
}

// lacking returns what a record would be refused for, as the fields of the errors.
func lacking(p *policy.Policy, r *record.Record) (fields []string) {
	_, problems := p.Explain(&r.Event, r.Channel)
	for _, problem := range problems {
		invalid, is := errors.AsType[*audit.ValidationError](problem)
		switch {
		case !is:
			fields = append(fields, audit.ActorAnonymous.String())
		case !slices.Contains(r.Redacted, invalid.Field):
			fields = append(fields, invalid.Field)
		}
	}
	return fields
}

func (d *dryRun) line(id, at, action, actor, channel, rule, refused string) {
	d.printf("%-36s  %-20s  %-24s  %-10s  %-8s  %-*s  %s", id, at, shown(action), actor, shown(channel), d.width, rule, refused)
}

// shown returns a text as it can be shown. A ledger may have been written by anybody.
func shown(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

func (d *dryRun) totals(unread int) {
	var unmet []string
	d.printf("")
	d.printf("%-*s  %9s  %9s", d.width, "RULE", "RECORDS", "REFUSED")
	for _, t := range append(slices.Clone(d.rules), d.none) {
		if t.requests {
			continue
		}
		d.printf("%-*s  %9d  %9d", d.width, t.name, t.records, t.refused)
		if t.records == 0 && t.name != noRule {
			unmet = append(unmet, t.name)
		}
	}
	if len(unmet) > 0 {
		d.printf("")
		d.printf("No record met: %s", strings.Join(unmet, ", "))
	}
	if unread > 0 {
		d.printf("")
		d.printf("Not readable, and not judged: %d", unread)
	}
}

// printf prints a line, without the space at its end.
func (d *dryRun) printf(format string, args ...any) {
	if _, err := d.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n"); err != nil {
		d.err = err
	}
}
