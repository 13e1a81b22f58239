package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/retention"
)

// Retention says how long records are kept, and by which rules.
type Retention struct {
	// Policy has the rules.
	Policy *retention.Policy
	// Archives is where the archives and the holds are, for archive.ParseLocation: a directory,
	// or the URL of a bucket. It has no credentials.
	Archives string
	// Store is the name of the exporter to MongoDB whose collection the policy is for, or
	// empty for the ledger.
	Store string
	// AllLogs is that of retention.Options.
	AllLogs bool
}

// Retention returns the retention policy, or nil if the configuration has none. A provider does
// not apply it: see package retention, or the command deed retention.
func (c *Config) Retention() *Retention { return c.retention }

// recordsModel configures how long records are kept.
type recordsModel struct {
	Archives text               `key:"archives,required"`
	Store    text               `key:"store"`
	AllLogs  flag               `key:"all_logs"`
	Rules    []recordsRuleModel `key:"rules,required"`
}

// recordsRuleModel has the keys of retention.Rule.
type recordsRuleModel struct {
	Name         text   `key:"name,required"`
	Actions      []text `key:"actions"`
	Targets      []text `key:"targets"`
	Tenants      []text `key:"tenants"`
	Keep         period `key:"keep"`
	ArchiveAfter period `key:"archive_after"`
}

// period is a positive duration, which may have years.
type period time.Duration

func (*period) tags() []string { return []string{tagText} }

func (p *period) set(s string) *fault {
	years, rest, found := strings.Cut(s, "y")
	if !found {
		years, rest = "0", s
	}
	const year = retention.Year
	n, err := strconv.ParseUint(years, 10, 31)
	t, ok := time.Duration(0), true
	if rest != "" || !found {
		t, ok = parseDuration(rest)
	}
	if err != nil || !ok || n > uint64(math.MaxInt64/year) || time.Duration(n)*year+t <= 0 {
		return &fault{message: "it must be a positive duration, such as 10y, 90d or 1y180d; leave it out for no limit"}
	}
	*p = period(time.Duration(n)*year + t)
	return nil
}

// ledgerStore is the word for the ledger in retention.store.
const ledgerStore = "ledger"

// checkRetention validates the rules, and that nothing else removes the records.
func (c *Config) checkRetention() {
	r, d := c.model.Retention, c.decoder
	if r == nil {
		return
	}
	rules := make([]retention.Rule, len(r.Rules))
	for i := range r.Rules {
		m := &r.Rules[i]
		rules[i] = retention.Rule{
			Name: string(m.Name), Actions: list(m.Actions), Targets: list(m.Targets), Tenants: list(m.Tenants),
			Keep: time.Duration(m.Keep), ArchiveAfter: time.Duration(m.ArchiveAfter),
		}
	}
	c.retention = &Retention{Archives: string(r.Archives), Store: c.retainedStore(), AllLogs: r.AllLogs == flagTrue}
	c.checkOwnRetention(c.retention.Store)
	if _, err := archive.ParseLocation(string(r.Archives)); err != nil && !d.hasProblem("retention.archives") {
		d.report("retention.archives", strings.TrimPrefix(err.Error(), "archive: "))
	}
	if d.hasProblem("retention.rules") {
		return // the rules may be incomplete
	}
	if len(rules) == 0 {
		d.report("retention.rules", "it has no rule, so everything is kept; remove retention, or add one")
	}
	p, err := retention.NewPolicy(rules...)
	for _, each := range flatten(err) {
		if wrong, ok := errors.AsType[*retention.RuleError](each); ok {
			d.report(index("retention.rules", wrong.Index)+"."+wrong.Field, wrong.Reason)
		}
	}
	c.retention.Policy = p
}

// retainedStore returns the name of the exporter that the policy is for, or "" for the ledger.
func (c *Config) retainedStore() string {
	r, d := c.model.Retention, c.decoder
	var names []string
	for _, e := range c.model.Exporters.list {
		if m, ok := e.(*mongodbModel); ok {
			names = append(names, m.name())
		}
	}
	hasLedger := c.model.Ledger != nil
	switch {
	case r.Store == ledgerStore && !hasLedger:
		d.report("retention.store", "there is no ledger")
	case r.Store == ledgerStore, r.Store == "" && hasLedger:
	case r.Store == "" && len(names) == 1:
		return names[0]
	case r.Store == "" && len(names) == 0:
		d.report("retention", "there is no store that it could be for, which are a ledger and exporters to MongoDB")
	case r.Store == "":
		d.report("retention", "name the exporter that it is for with the key store: "+strings.Join(names, ", "))
	default:
		for _, name := range names {
			if name == string(r.Store) {
				return name
			}
		}
		d.problem(d.at("retention.store"), "retention.store", "it must be ledger, or the name of an exporter to MongoDB",
			nearest(string(r.Store), append(names, ledgerStore)))
	}
	return ""
}

// ownRetention is why a store must not remove records by itself.
const ownRetention = "it removes records although a hold may keep them, and before they are archived; remove it: the rules of retention say how long records are kept"

// checkOwnRetention reports stores that remove records by themselves. A ledger before another
// store may: it keeps what that store does not have yet.
func (c *Config) checkOwnRetention(store string) {
	d := c.decoder
	if l := c.model.Ledger; l != nil && store == "" && l.removes() {
		d.report("ledger.retention", ownRetention)
	}
	for i, e := range c.model.Exporters.list {
		if m, ok := e.(*mongodbModel); ok && m.Retention > 0 {
			d.report(join(index("exporters", i), "retention"), ownRetention+fmt.Sprintf(", and drop the index audit_retention of %s", m.name()))
		}
	}
}
