package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/query/gaps"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
)

type gapsCommand struct {
	*app

	span   selection // without conditions
	format string
}

func (a *app) gaps() *cobra.Command {
	c := &gapsCommand{app: a}
	cmd := &cobra.Command{
		Use:   "gaps",
		Short: "Say whether something is missing that should have been recorded",
		Long: `Gaps reads the counts that services record of themselves (sdk.WithGapRecords): how many events were rejected, dropped by a processor, given up or dead-lettered, and how many requests should have left an event and left none. For the range it says that nothing is missing, how much is, or of which times it is not known, such as those before a kill.

The counts of a range are those between the nearest records that enclose it. An event that was tracked again after an error is counted as rejected and as recorded. Nothing is known of services that do not count, of requests that pass no middleware with coverage, and of records that somebody has removed: see deed verify.

After a shutdown nobody counts until the next start, and a process that does not count may run meanwhile. The verdict is interrupted then, not complete, and idle names the times.

Exit codes: 0 nothing that was counted is missing, also if nobody counted at times; 5 something is; 3 it is not known.`,
		Example: `deed gaps --from audit-ledger
deed gaps --since 2026-11-01 --until 2026-11-30
deed gaps --since 24h --format json`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	flags := cmd.Flags()
	c.span.registerSpan(flags)
	formatFlag(cmd, &c.format)
	return cmd
}

var (
	// errGaps means that something is missing, and errUnknown that it is not known. The report was
	// printed.
	errGaps    = errors.New("something is missing in the trail")
	errUnknown = errors.New("it is not known whether something is missing")
)

func (c *gapsCommand) run(cmd *cobra.Command) error {
	if err := checkFormat(c.format); err != nil {
		return err
	}
	clock, err := c.clock()
	if err != nil {
		return err
	}
	var filter query.Filter
	if err := c.span.span(clock, &filter); err != nil {
		return err
	}
	ctx := cmd.Context()
	set, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer set.Close()
	filter.TargetTypes = []string{semconv.TargetEpoch}
	if err := c.recordLooking(ctx, cmd, set, &filter); err != nil {
		return err
	}
	report, unread := gaps.Read(ctx, set.Reader, filter.Since, filter.Until)
	if report == nil {
		return unread
	}
	if c.format == "json" {
		err = writeLine(c.stdout, struct {
			Verdict gaps.Verdict `json:"verdict"`
			Gaps    int64        `json:"gaps"`
			*gaps.Report
		}{report.Verdict(), report.Total.Gaps(), report})
	} else {
		err = c.print(report, clock)
	}
	switch {
	case err != nil || unread != nil:
		return errors.Join(err, unread)
	case report.Verdict() == gaps.Unknown:
		return errUnknown
	case report.Verdict() == gaps.Incomplete:
		return errGaps
	}
	return nil
}

func (c *gapsCommand) print(r *gaps.Report, clock ask.Clock) error {
	when := func(t time.Time) string { return t.In(clock.Zone).Format("2006-01-02 15:04:05 MST") }
	span := func(from, to time.Time) string {
		if from.IsZero() {
			return "up to " + when(to)
		}
		return when(from) + " to " + when(to)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", span(r.Since, r.Until), verdictText(r))
	fmt.Fprintf(&b, "  recorded     %s\n", events(r.Total.Recorded))
	for _, list := range []struct {
		name   string
		counts map[string]int64
	}{
		{"rejected", r.Total.Rejected}, {"dropped", r.Total.Dropped}, {"lost", r.Total.Lost}, {"dead letters", r.Total.DeadLettered},
	} {
		for _, name := range slices.Sorted(maps.Keys(list.counts)) {
			fmt.Fprintf(&b, "  %-12s %s: %s\n", list.name, events(list.counts[name]), term.Clean(name))
		}
	}
	if r.Total.Requests == nil {
		fmt.Fprintf(&b, "  requests     not counted: nothing is known of requests that left no event\n")
	} else {
		n := func(name string) string { return term.Count(r.Total.Requests[name]) }
		fmt.Fprintf(&b, "  requests     %s: %s left an event, %s should have and left none, %s need not, %s exempt, %s failed\n",
			n(semconv.RequestsSeen), n(semconv.RequestsAudited), n(semconv.RequestsMissing), n(semconv.RequestsNotRequired), n(semconv.RequestsExempt), n(semconv.RequestsFailed))
	}
	for _, s := range r.Unknown {
		fmt.Fprintf(&b, "  unknown      %s: %s\n", span(s.From, s.To), s.Reason)
	}
	for _, s := range r.Idle {
		fmt.Fprintf(&b, "  idle         %s: %s\n", span(s.From, s.To), s.Reason)
	}
	for _, e := range r.Epochs {
		end := "not closed"
		service := ""
		if e.Service != "" {
			service = " of " + term.Clean(e.Service)
		}
		if e.Closed {
			end = "closed " + when(e.Last)
		}
		fmt.Fprintf(&b, "  epoch        %s%s, opened %s, %s\n", term.Clean(e.ID), service, when(e.Opened), end)
	}
	_, err := fmt.Fprint(c.stdout, b.String())
	if len(r.Epochs) == 0 {
		c.note("-- no service has counted in this range; sdk.WithGapRecords makes one count, or gap_records in its configuration")
	}
	return err
}

func verdictText(r *gaps.Report) string {
	switch n := r.Total.Gaps(); {
	case r.Verdict() == gaps.Complete:
		return "nothing that was counted is missing"
	case r.Verdict() == gaps.Interrupted:
		return "nothing that was counted is missing, but at times nobody counted: see idle"
	case r.Verdict() == gaps.Incomplete:
		return howMany(n, "gap") + ": events and requests that are not recorded as they should be"
	case n == 0:
		return "it is not known whether something is missing"
	default:
		return "at least " + howMany(n, "gap") + ", and it is not known whether there are more"
	}
}

func events(n int64) string { return howMany(n, "event") }

// howMany returns a number with a noun, in the plural unless there is one. Of a noun that ends
// in y the plural ends in ies.
func howMany(n int64, noun string) string {
	if stem, ok := strings.CutSuffix(noun, "y"); ok && n != 1 {
		noun = stem + "ies"
	} else if n != 1 {
		noun += "s"
	}
	return term.Count(n) + " " + noun
}
