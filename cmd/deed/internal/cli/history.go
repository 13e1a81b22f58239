package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/query/history"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/record"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/attribute"
)

// within has the flags of the commands about one object.
type within struct {
	tenants, metadata []string
	format            string
}

func (w *within) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&w.tenants, "tenant", nil, "the `TENANT` that the object belongs to")
	flags.StringArrayVar(&w.metadata, "metadata", nil, "metadata, as `KEY=VALUE`, that tells objects with one ID apart, such as a namespace")
	group(flags, groupWhere, "tenant", "metadata")
	flags.StringVarP(&w.format, "format", "f", "", "`FORMAT`: text, or json (an object in each line); text on a terminal, else json")
	group(flags, groupOutput, "format")
}

func (w *within) filter() (f query.Filter, err error) {
	f.Tenants = w.tenants
	for _, text := range w.metadata {
		if err := ask.Metadata(&f, text); err != nil {
			return f, err
		}
	}
	return f, nil
}

// isText reports whether people read the output.
func (w *within) isText(a *app) (bool, error) {
	switch w.format {
	case "":
		return a.forPeople(), nil
	case "text", "json":
		return w.format == "text", nil
	}
	return false, usagef("--format: %q is not a format; use text or json", w.format)
}

// objectOf parses the argument of a command about one object.
func objectOf(text string) (audit.Target, error) {
	t := ask.Target(text)
	if t.Type == "" || t.ID == "" {
		return t, usagef("%s is not a target; write TYPE/ID, such as invoice/1001", text)
	}
	return t, nil
}

// severalObjects says how to choose one of the objects that have the same type and ID.
func severalObjects(target audit.Target, mixed *history.MixedError) error {
	name := ask.TargetText(target)
	if mixed.Field == "tenant" {
		return fmt.Errorf("several tenants have an object %s; choose one with --tenant, such as one that deed stats --by tenant --target %s lists", name, name)
	}
	return fmt.Errorf("there are several objects %s, which differ in %s; choose one with --metadata KEY=VALUE, or --tenant", name, mixed.Field)
}

type historyCommand struct {
	*app
	within

	since, until string
}

func (a *app) history() *cobra.Command {
	c := &historyCommand{app: a}
	cmd := &cobra.Command{
		Use:   "history TARGET",
		Short: "Follow one object: who changed which field, and when",
		Long: `History prints the life of an object, the oldest version first: one for each record about it, with the fields that changed, and with what no record explains.

A value that was masked, cut or never loaded has a status in parentheses instead.`,
		Example: `deed history invoice/1001
deed history invoice/1001 --tenant acme --since 7d
deed history invoice/1001 --format json | jq 'select(.effect == "deleted")'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	c.register(cmd)
	cmd.Flags().StringVar(&c.since, "since", "", "only versions from this `TIME` on")
	cmd.Flags().StringVar(&c.until, "until", "", "only versions up to this `TIME`")
	group(cmd.Flags(), groupWhen, "since", "until")
	return cmd
}

func (c *historyCommand) run(cmd *cobra.Command, arg string) error {
	target, err := objectOf(arg)
	if err != nil {
		return err
	}
	clock, err := c.clock()
	if err != nil {
		return err
	}
	isText, err := c.isText(c.app)
	if err != nil {
		return err
	}
	filter, err := c.filter()
	if err != nil {
		return err
	}
	// The versions before --since count, so that a change has its number and its gaps.
	var shown query.Filter
	if err := (&selection{since: c.since, until: c.until}).span(clock, &shown); err != nil {
		return err
	}
	filter.Until = shown.Until
	ctx := cmd.Context()
	set, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer set.Close()
	looked := filter
	looked.Targets = []audit.Target{target}
	if err := c.recordLooking(ctx, cmd, set, &looked); err != nil {
		return err
	}
	return c.print(ctx, set, target, filter, shown.Since, historyWriter{w: c.stdout, isText: isText, zone: clock.Zone, palette: term.Palette{Colors: c.colors(c.stdout)}})
}

func (c *historyCommand) print(ctx context.Context, set *source.Set, target audit.Target, filter query.Filter, since time.Time, out historyWriter) error {
	found := 0
	for v, err := range history.Of(ctx, set.Reader, target, filter) {
		mixed, isMixed := errors.AsType[*history.MixedError](err)
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case isMixed:
			return severalObjects(target, mixed)
		case err != nil:
			c.problem(err)
			continue
		case v.Record.Time.Before(since):
			continue
		}
		found++
		if err := out.write(v); err != nil {
			return err
		}
	}
	return c.finish(found)
}

// historyWriter writes versions.
type historyWriter struct {
	w       io.Writer
	isText  bool
	zone    *time.Location
	palette term.Palette
}

func (h *historyWriter) write(v *history.Version) error {
	if !h.isText {
		return h.writeJSON(v)
	}
	var b strings.Builder
	r := v.Record
	style := map[history.Effect]term.Style{history.Created: term.Green, history.Deleted: term.Red, history.Uncertain: term.Yellow}[v.Effect]
	fmt.Fprintf(&b, "%3d  %s  %s  %s  %s", v.Number, h.palette.In(term.Dim, r.Time.In(h.zone).Format("2006-01-02 15:04:05")),
		h.palette.In(style, term.Pad(effectText(v), 9)), h.palette.In(term.Bold, term.Clean(r.Action)), term.Clean(render.ActorCell(r)))
	if text := report.Why(r); text != "" {
		b.WriteString("  " + h.palette.In(term.Dim, term.Clean(text)))
	}
	b.WriteByte('\n')
	for _, c := range v.Changes {
		line := term.Clean(c.Field) + ": "
		if c.Old.Status != history.Absent {
			line += valueText(c.Old) + " → "
		}
		line += valueText(c.New)
		if c.Unrecorded {
			line += h.palette.In(term.Yellow, "  (it was "+valueText(c.Expected)+" before; no record says who changed that)")
		}
		b.WriteString("     ~ " + line + "\n")
	}
	for _, g := range v.Gaps {
		b.WriteString("     " + h.palette.In(term.Yellow, "! "+gapText(g)) + "\n")
	}
	_, err := io.WriteString(h.w, b.String())
	return err
}

// effectText says what became of the object, or why nothing did.
func effectText(v *history.Version) string {
	switch {
	case v.Effect != history.None:
		return v.Effect.String()
	case v.Record.Outcome == audit.OutcomeFailure, v.Record.Outcome == audit.OutcomeDenied:
		return v.Record.Outcome.String()
	}
	return "no change"
}

func gapText(g history.Gap) string {
	switch g {
	case history.Earlier:
		return "the object existed before; the records of that time are not here"
	case history.Reappeared:
		return "the object was deleted before; no record says how it came back"
	case history.Recreated:
		return "the object existed already; no record says that it was deleted"
	case history.Unlisted:
		return "not all changes of this record are known"
	}
	return g.String()
}

type jsonVersion struct {
	Version int             `json:"version"`
	Effect  string          `json:"effect"`
	Gaps    []string        `json:"gaps,omitempty"`
	Changes []jsonChange    `json:"changes,omitempty"`
	Record  json.RawMessage `json:"record"`
}

type jsonChange struct {
	Field      string     `json:"field"`
	Old        jsonValue  `json:"old"`
	New        jsonValue  `json:"new"`
	Unrecorded bool       `json:"unrecorded,omitempty"`
	Expected   *jsonValue `json:"expected,omitempty"`
}

type jsonValue struct {
	Status string `json:"status"`
	Value  any    `json:"value,omitempty"`
}

func jsonOf(v history.Value) jsonValue {
	j := jsonValue{Status: v.Status.String()}
	if v.Value.Type() != attribute.EMPTY {
		j.Value = v.Value.AsInterface()
		if _, err := json.Marshal(j.Value); err != nil { // such as NaN
			j.Value = v.Value.String()
		}
	}
	return j
}

func (h *historyWriter) writeJSON(v *history.Version) error {
	line, err := v.Record.AppendJSON(nil)
	if err != nil {
		return err
	}
	j := jsonVersion{Version: v.Number, Effect: v.Effect.String(), Record: line}
	for _, g := range v.Gaps {
		j.Gaps = append(j.Gaps, g.String())
	}
	for _, c := range v.Changes {
		one := jsonChange{Field: c.Field, Old: jsonOf(c.Old), New: jsonOf(c.New), Unrecorded: c.Unrecorded}
		if c.Unrecorded {
			expected := jsonOf(c.Expected)
			one.Expected = &expected
		}
		j.Changes = append(j.Changes, one)
	}
	return writeLine(h.w, j)
}

// writeLine writes a value as a line of JSON.
func writeLine(w io.Writer, v any) error {
	if term.Is(w) {
		w = term.CleanWriter(w)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// valueText returns a value for people. A text is in quotes, so that none looks like a status. What
// is erasable is redacted too, and can be disclosed.
func valueText(v history.Value) string {
	if v.Status == history.Known && v.Value.Type() == attribute.STRING {
		return `"` + term.Clean(v.Value.AsString()) + `"`
	}
	if v.Status == history.Redacted && v.Value.Type() == attribute.STRING && record.IsErasable(v.Value.AsString()) {
		return "(erasable)"
	}
	return term.Clean(v.String())
}
