package cli

import (
	"os"
	"strings"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/spf13/pflag"
)

// selection has the flags that choose records.
type selection struct {
	conditions       map[string]*[]string // the values of each condition, by its name
	words            map[string]*string   // those of one value
	since, until, on string
	not              []string
	filter           string
}

// The groups of the flags, which are the questions.
const (
	groupWho   = string(ask.Who)
	groupWhat  = string(ask.What)
	groupWhen  = "When"
	groupWhere = string(ask.Where)
	groupWhy   = string(ask.Why)
	groupMore  = "More"
)

// register adds the flags.
func (s *selection) register(flags *pflag.FlagSet) {
	s.conditions, s.words = map[string]*[]string{}, map[string]*string{}
	for _, c := range ask.Conditions() {
		if c.Words {
			s.words[c.Name] = flags.String(c.Name, "", "`"+c.Placeholder+"`"+strings.TrimPrefix(c.Usage, "words"))
		} else {
			s.conditions[c.Name] = flags.StringArray(c.Name, nil, "`"+c.Placeholder+"`: "+c.Usage)
		}
		group(flags, string(c.Group), c.Name)
	}
	s.registerSpan(flags)
	flags.StringArrayVar(&s.not, "not", nil, "leave out what `FLAG=VALUE` would select, such as --not action=*.read")
	flags.StringVar(&s.filter, "filter", "", "start with the `FILTER` in a file, or in a text that begins with {, as exports have it in their manifest")
	group(flags, groupMore, "not", "filter")
}

// registerSpan adds the flags of times.
func (s *selection) registerSpan(flags *pflag.FlagSet) {
	flags.StringVar(&s.since, "since", "", "from this `TIME` on: 24h, 7d, 2026-11-20, 2026-11-20T14:30, today")
	flags.StringVar(&s.until, "until", "", "up to this `TIME`; a day, month or year is included")
	flags.StringVar(&s.on, "on", "", "in this `SPAN`: 2026-11-20, 2026-11, 2026, 2026-11-20T14, today, yesterday")
	group(flags, groupWhen, "since", "until", "on")
}

// build returns the filter. The flags narrow what --filter selects.
func (s *selection) build(clock ask.Clock) (f query.Filter, err error) {
	if s.filter != "" {
		if f, err = readFilter(s.filter); err != nil {
			return f, usagef("--filter: %w", err)
		}
	}
	for _, c := range ask.Conditions() {
		values := []string{}
		if c.Words && *s.words[c.Name] != "" {
			values = append(values, *s.words[c.Name])
		} else if !c.Words {
			values = *s.conditions[c.Name]
		}
		for _, v := range values {
			if err := ask.Set(&f, c.Name, v); err != nil {
				return f, usagef("--%s: %w", c.Name, err)
			}
		}
	}
	for _, text := range s.not {
		if err := ask.SetNot(&f, strings.TrimPrefix(text, "--")); err != nil {
			return f, usagef("--not: %w", err)
		}
	}
	if err := s.span(clock, &f); err != nil {
		return f, err
	}
	err = f.Validate()
	return f, err
}

func (s *selection) span(clock ask.Clock, f *query.Filter) error {
	if s.on != "" && (s.since != "" || s.until != "") {
		return usagef("--on says both ends; leave out --since and --until")
	}
	for _, bound := range []struct{ name, value string }{{"on", s.on}, {"since", s.since}, {"until", s.until}} {
		if err := ask.SetTime(f, clock, bound.name, bound.value); err != nil {
			return usagef("--%s: %w", bound.name, err)
		}
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return usagef("--until: it ends before --since begins, so no record can match")
	}
	return nil
}

func readFilter(text string) (f query.Filter, err error) {
	data := []byte(text)
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		if data, err = os.ReadFile(text); err != nil { //nolint:gosec // the user names the file
			return f, err
		}
	}
	err = f.UnmarshalJSON(data)
	return f, err
}
