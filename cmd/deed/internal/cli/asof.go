package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/query/history"
	"github.com/spf13/cobra"
)

type asOfCommand struct {
	*app
	within
}

func (a *app) asOf() *cobra.Command {
	c := &asOfCommand{app: a}
	cmd := &cobra.Command{
		Use:   "asof TARGET TIME",
		Short: "Show the recorded fields of an object at a time",
		Long: `Asof prints the fields that an object had at a time, as far as records say, and which record says so. A day, month or year means its end.

A field that no earlier record names has the value from which a later record changed it, and says so.`,
		Example: `deed asof invoice/1001 2026-11-20T12:00
deed asof invoice/1001 yesterday --zone Europe/Berlin`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0], args[1]) },
	}
	c.register(cmd)
	return cmd
}

func (c *asOfCommand) run(cmd *cobra.Command, arg, at string) error {
	target, err := objectOf(arg)
	if err != nil {
		return err
	}
	clock, err := c.clock()
	if err != nil {
		return err
	}
	span, err := clock.Parse(at)
	if err != nil {
		return usagef("%s is not a time; %w", at, err)
	}
	instant := span.End()
	if instant.After(span.Since) {
		instant = instant.Add(-time.Nanosecond) // the last one of the day
	}
	isText, err := c.isText(c.app)
	if err != nil {
		return err
	}
	filter, err := c.filter()
	if err != nil {
		return err
	}
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
	state, err := history.AsOf(ctx, set.Reader, target, instant, filter)
	if err != nil {
		if state == nil || ctx.Err() != nil {
			return err
		}
		if mixed, ok := errors.AsType[*history.MixedError](err); ok {
			return severalObjects(target, mixed)
		}
		c.problem(err)
	}
	if state.Versions == 0 && len(state.Fields) == 0 && state.Exists == history.Unrecorded {
		return c.finish(0)
	}
	if isText {
		err = c.printText(state, target, instant.In(clock.Zone))
	} else {
		err = c.printJSON(state, target, instant)
	}
	if err != nil {
		return err
	}
	return c.finish(1)
}

func (c *asOfCommand) printText(s *history.State, target audit.Target, at time.Time) error {
	palette := term.Palette{Colors: c.colors(c.stdout)}
	var b strings.Builder
	what := map[history.Existence]string{
		history.Present: "existed", history.Gone: "did not exist", history.Unrecorded: "may have existed; no record says",
	}[s.Exists]
	fmt.Fprintf(&b, "%s at %s %s\n", palette.In(term.Bold, term.Clean(ask.TargetText(target))), at.Format("2006-01-02 15:04:05"), what)
	name, value := 0, 0
	for _, f := range s.Fields {
		name = max(name, min(24, term.Width(term.Clean(f.Name))))
		value = max(value, min(32, term.Width(valueText(f.Value))))
	}
	for _, f := range s.Fields {
		line := "  " + term.Pad(term.Clean(f.Name), name) + "  " + term.Pad(valueText(f.Value), value)
		from := "since"
		if f.Later {
			from = "before"
		}
		said := fmt.Sprintf("%s %s, %s by %s", from, f.Source.Time.In(at.Location()).Format("2006-01-02 15:04:05"),
			term.Clean(f.Source.Action), term.Clean(ask.ActorText(&f.Source.Actor)))
		if f.Doubtful {
			said += "; it may have changed since"
		}
		b.WriteString(line + "  " + palette.In(term.Dim, said) + "\n")
	}
	if s.Omitted > 0 {
		fmt.Fprintf(&b, "  and more fields, with %d changes\n", s.Omitted)
	}
	if !s.Complete && s.Exists != history.Gone {
		b.WriteString("  " + palette.In(term.Yellow, "! the object may have had other fields: not all of its changes are recorded here") + "\n")
	}
	_, err := fmt.Fprint(c.stdout, b.String())
	return err
}

type jsonState struct {
	Target   string      `json:"target"`
	At       time.Time   `json:"at"`
	Exists   string      `json:"exists"`
	Complete bool        `json:"complete"`
	Versions int         `json:"versions"`
	Fields   []jsonField `json:"fields"`
	Omitted  int         `json:"omitted,omitempty"`
}

type jsonField struct {
	Name     string    `json:"name"`
	Value    jsonValue `json:"value"`
	Record   string    `json:"record"`
	Time     time.Time `json:"time"`
	Actor    string    `json:"actor"`
	Action   string    `json:"action"`
	Doubtful bool      `json:"doubtful,omitempty"`
	Later    bool      `json:"later,omitempty"`
}

func (c *asOfCommand) printJSON(s *history.State, target audit.Target, at time.Time) error {
	j := jsonState{
		Target: ask.TargetText(target), At: at.UTC(), Exists: s.Exists.String(), Complete: s.Complete, Versions: s.Versions,
		Fields: []jsonField{}, Omitted: s.Omitted,
	}
	for _, f := range s.Fields {
		j.Fields = append(j.Fields, jsonField{
			Name: f.Name, Value: jsonOf(f.Value), Record: f.Source.ID.String(), Time: f.Source.Time.UTC(),
			Actor: ask.ActorText(&f.Source.Actor), Action: f.Source.Action, Doubtful: f.Doubtful, Later: f.Later,
		})
	}
	return writeLine(c.stdout, j)
}
