package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query/ask"
)

// day returns a time for people.
func day(t time.Time, clock ask.Clock) string { return t.In(clock.Zone).Format("2006-01-02 15:04") }

// printHold prints a hold in a line.
func (a *app) printHold(h *retention.Hold, clock ask.Clock) error {
	filter, err := json.Marshal(h.Filter)
	if err != nil {
		return err
	}
	if string(filter) == "{}" {
		filter = []byte("everything")
	}
	state := "since " + day(h.Placed, clock)
	if !h.Lifted.IsZero() {
		state += ", lifted " + day(h.Lifted, clock) + ": " + h.LiftReason
	}
	_, err = fmt.Fprintf(a.stdout, "%s  %s  %s\n  %s\n", term.Clean(h.Name), term.Clean(state), term.Clean(h.Reason), term.Clean(string(filter)))
	return err
}

// printPlan prints a plan for people.
func (a *app) printPlan(p *retention.Plan, clock ask.Clock) error {
	w := bufio.NewWriter(a.stdout)
	removed, archived, beyond := 0, int64(0), int64(0)
	var bytes int64
	for i := range p.Segments {
		s := &p.Segments[i]
		_, _ = fmt.Fprintf(w, "%s: %s\n", segmentName(s), fateOf(s, clock))
		for j := range s.Classes {
			c := &s.Classes[j]
			_, _ = fmt.Fprintf(w, "  %-16s %s\n", className(c), classText(s, c, clock))
			if s.Remove {
				archived += c.Archive
			} else {
				beyond += c.Remove
			}
		}
		printDamage(w, s)
		if s.Remove {
			removed++
			bytes += s.Bytes
		}
	}
	for i := range p.Archives {
		e := &p.Archives[i]
		_, _ = fmt.Fprintf(w, "archive %s, %s entries: %s\n", e.Name, term.Count(e.Entries), expiryText(e))
	}
	for i := range p.Holds {
		_, _ = fmt.Fprintf(w, "hold %s: %s\n", p.Holds[i].Name, term.Clean(p.Holds[i].Reason))
	}
	if err := w.Flush(); err != nil { // which has the errors of all prints
		return err
	}
	a.note("-- %d of %d segments would be removed, %s; %s records archived, %s kept beyond their class; nothing was changed",
		removed, len(p.Segments), term.Bytes(bytes), term.Count(archived), term.Count(beyond))
	return nil
}

func segmentName(s *retention.Segment) string {
	switch {
	case s.First == 0:
		return "records of the collection"
	case s.Last == 0:
		return fmt.Sprintf("segment %d, entries from %d, at most %s", s.Number, s.First, term.Bytes(s.Bytes))
	}
	return fmt.Sprintf("segment %d, entries %d to %d, %s", s.Number, s.First, s.Last, term.Bytes(s.Bytes))
}

// fateOf says what becomes of a segment, and why.
func fateOf(s *retention.Segment, clock ask.Clock) string {
	if s.Remove {
		return "removed"
	}
	var reasons []string
	if s.First == 0 { // of a collection
		reasons = append(reasons, "their time is over")
	}
	if s.Open {
		reasons = append(reasons, "it is the newest")
	}
	if s.Earlier {
		reasons = append(reasons, "an earlier one stays")
	}
	if s.Damaged > 0 && !s.Dropped {
		reasons = append(reasons, howMany(s.Damaged, "entry")+" cannot be read")
	}
	if len(s.Waiting) > 0 {
		reasons = append(reasons, "needed yet by "+strings.Join(s.Waiting, ", "))
	}
	if len(s.Holds) > 0 {
		reasons = append(reasons, "held by "+strings.Join(s.Holds, ", "))
	}
	switch {
	case s.Forever && s.Earlier:
		reasons = append(reasons, "records in it or before are kept forever")
	case s.Forever:
		reasons = append(reasons, "records in it are kept forever")
	case !s.Until.IsZero():
		reasons = append(reasons, "until "+day(s.Until, clock))
	}
	return "stays: " + strings.Join(reasons, "; ")
}

// maxGaps is how many gaps a plan for people lists; JSON has all.
const maxGaps = 10

// printDamage says which entries of a segment cannot be read, and what can be done. The buffer
// keeps its errors.
func printDamage(w *bufio.Writer, s *retention.Segment) {
	for i, g := range s.Gaps {
		if i == maxGaps {
			_, _ = fmt.Fprintf(w, "  %-16s %d more places, see --format json\n", "(damaged)", len(s.Gaps)-maxGaps)
			break
		}
		text := fmt.Sprintf("entries %d to %d cannot be read", g.First, g.Last)
		if g.First == g.Last {
			text = fmt.Sprintf("entry %d cannot be read", g.First)
		}
		if g.Reason != "" {
			text += ": " + term.Clean(g.Reason)
		}
		_, _ = fmt.Fprintf(w, "  %-16s %s\n", "(damaged)", text)
	}
	if len(s.Gaps) == 0 {
		return
	}
	saved := int64(s.Last-s.First) + 1 - s.Damaged
	text := fmt.Sprintf("restore the segment from a backup, or give them up with --drop-damaged %d=%d", s.Number, s.Damaged)
	if s.Dropped {
		text = "the damaged ones are given up"
	}
	_, _ = fmt.Fprintf(w, "  %-16s %s of %s entries can be read; %s\n", "(damaged)", term.Count(saved), term.Count(saved+s.Damaged), text)
}

func className(c *retention.Class) string {
	switch c.Rule {
	case "":
		return "(no rule)"
	case "_":
		return "(no record)"
	}
	return c.Rule
}

// classText says what becomes of the records of a class.
func classText(s *retention.Segment, c *retention.Class, clock ask.Clock) string {
	var parts []string
	add := func(n int64, text string) {
		if n > 0 {
			parts = append(parts, term.Count(n)+" "+text)
		}
	}
	if s.Remove {
		add(c.Remove, "removed")
		add(c.Archive, "archived")
	} else {
		add(c.Remove, "kept beyond their class")
		add(c.Archive, "wait for the segment to be archived")
	}
	switch {
	case c.Forever:
		add(c.Keep, "kept forever")
	case !c.Until.IsZero():
		add(c.Keep, "kept until "+day(c.Until, clock))
	default:
		add(c.Keep, "kept by a hold")
	}
	if c.Held > 0 && c.Held != c.Keep {
		add(c.Held, "of these held")
	}
	return strings.Join(parts, ", ")
}

func expiryText(e *retention.Expiry) string {
	switch {
	case e.Remove:
		return "removed, its time is over"
	case e.Held != "":
		return "stays: held by " + e.Held
	}
	return "stays: it cannot be read: " + term.Clean(e.Damaged)
}

// gaveUp says how many entries were given up.
func gaveUp(s *retention.Segment) string {
	if s.Damaged == 0 {
		return ""
	}
	return fmt.Sprintf("; %s entries could not be read, and are lost", term.Count(s.Damaged))
}

// printReport prints what an apply did until it ended, or failed with err.
func (a *app) printReport(r *retention.Report, err error, format string, clock ask.Clock) error {
	if format == "json" {
		return writeLine(a.stdout, r)
	}
	var errs []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(a.stdout, format+"\n", args...)
		errs = append(errs, err)
	}
	for _, name := range r.Archives {
		line("archived %s", name)
	}
	for i := range r.Removed {
		line("removed %s%s", segmentName(&r.Removed[i]), gaveUp(&r.Removed[i]))
	}
	for i := range r.Expired {
		line("removed archive %s", r.Expired[i].Name)
	}
	if err == nil && len(r.Archives)+len(r.Removed)+len(r.Expired) == 0 {
		line("nothing to remove")
	}
	if r.Stays != nil && !a.quiet {
		a.note("-- %s %s", segmentName(r.Stays), fateOf(r.Stays, clock))
	}
	return errors.Join(errs...)
}
