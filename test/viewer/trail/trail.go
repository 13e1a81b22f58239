// Package trail makes the rich trail of a company that does not exist, for the tests and the
// screenshots of the viewer: invoices, articles, patients' consents, logins, denials,
// impersonation, bulk changes, attempts that crashed, and what was masked or shortened.
package trail

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// Records returns the records of so many days before a time, oldest first. With the same seed
// they are the same.
func Records(seed uint64, days int, until time.Time) []*record.Record {
	c := &company{rng: rand.New(rand.NewPCG(seed, 7)), until: until}
	c.start = until.AddDate(0, 0, -days).Truncate(24 * time.Hour)
	for d := range days + 1 {
		c.day(c.start.AddDate(0, 0, d))
	}
	c.featured()
	c.erasable()
	records := slices.DeleteFunc(c.records, func(r *record.Record) bool { return r.Time.After(until) })
	slices.SortStableFunc(records, func(a, b *record.Record) int { return cmp.Or(a.Time.Compare(b.Time), slices.Compare(a.ID[:], b.ID[:])) })
	return records
}

// company is what happens in the company.
type company struct {
	rng          *rand.Rand
	start, until time.Time
	records      []*record.Record
	serial       int
}

var (
	people = []audit.Actor{
		{Type: audit.ActorUser, ID: "alice", Name: "Alice Novak", AuthMethod: "password", Roles: []string{"accountant", "approver"}},
		{Type: audit.ActorUser, ID: "bilal", Name: "Bilal Haddad", AuthMethod: "oauth2", Roles: []string{"editor"}},
		{Type: audit.ActorUser, ID: "chiara", Name: "Chiara Rossi", AuthMethod: "oauth2", Roles: []string{"accountant"}},
		{Type: audit.ActorUser, ID: "dmitri", Name: "Dmitri Lehtonen", AuthMethod: "password", Roles: []string{"nurse"}},
		{Type: audit.ActorUser, ID: "esi", Name: "Esi Mensah", AuthMethod: "mtls", Roles: []string{"admin"}},
		{Type: audit.ActorUser, ID: "farah", Name: "Farah Aziz", AuthMethod: "password", Roles: []string{"support"}},
	}
	billing  = audit.Actor{Type: audit.ActorService, ID: "billing", Name: "Billing", AuthMethod: "mtls"}
	purge    = audit.Actor{Type: audit.ActorSystem, ID: "nightly-purge"}
	recovery = audit.Actor{Type: audit.ActorSystem, ID: "audit-recovery"}
	shop     = resource.NewSchemaless(attribute.String("service.name", "backoffice"), attribute.String("service.version", "4.2.0"))
	tenants  = []string{"acme", "globex", "northwind"}
	agents   = []string{
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
	}
)

// id returns an ID that sorts by its time.
func (c *company) id(at time.Time) audit.ID {
	c.serial++
	var id audit.ID
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16)
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", c.serial, c.rng.Uint64()))
	copy(id[6:], sum[:])
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// add adds a record of an event at a time, by an actor.
func (c *company) add(at time.Time, who audit.Actor, e audit.Event) *record.Record {
	e.ID, e.Time, e.Actor = c.id(at), at, who
	if e.Outcome == audit.OutcomeUnknown && e.Attempt.IsZero() {
		e.Outcome = audit.OutcomeSuccess
	}
	r := &record.Record{Event: e, ObservedTime: at, Resource: shop, Tracker: record.Instrumentation{Name: "example.com/backoffice"}}
	if who.Type == audit.ActorUser {
		r.Actor.SessionID = fmt.Sprintf("%016x", sha256.Sum256([]byte(who.ID)))[:16]
	}
	c.records = append(c.records, r)
	return r
}

// request says by which request a record came.
func (c *company) request(r *record.Record, method, route string, status int) *record.Record {
	r.Channel = semconv.ChannelWeb
	host := sha256.Sum256([]byte(r.Actor.ID))
	r.Metadata = append(r.Metadata,
		semconv.ClientAddressKey.String(fmt.Sprintf("10.20.%d.%d", host[0]%8, host[1])),
		semconv.HTTPRequestMethodKey.String(method), semconv.HTTPResponseStatusCodeKey.Int(status), semconv.HTTPRouteKey.String(route),
		semconv.UserAgentOriginalKey.String(agents[int(host[2])%len(agents)]),
	)
	slices.SortFunc(r.Metadata, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	var id trace.TraceID
	sum := sha256.Sum256(r.ID[:])
	copy(id[:], sum[:])
	r.TraceID = id
	copy(r.SpanID[:], sum[16:])
	return r
}

// hours are how much happens in each hour of a working day.
var hours = [24]int{0, 0, 1, 0, 0, 0, 1, 3, 8, 12, 13, 11, 6, 9, 12, 12, 10, 7, 3, 2, 1, 1, 0, 0}

// day makes the events of a day.
func (c *company) day(day time.Time) {
	busy := c.rng.IntN(80)
	weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
	for hour, n := range hours {
		if weekend {
			n /= 6
		}
		n = n * (60 + busy) / 100
		for range n {
			at := day.Add(time.Duration(hour)*time.Hour + time.Duration(c.rng.Int64N(int64(time.Hour))))
			c.something(at)
		}
	}
	c.add(day.Add(2*time.Hour+3*time.Second), purge, audit.Event{
		Action: "draft.purge", Operation: audit.OperationDelete, Target: audit.Target{Type: "draft"},
		Bulk: audit.Bulk{Selector: "older_than=30d", Affected: int64(20 + c.rng.IntN(300)), Sample: []string{"d-1", "d-2"}}, Reason: "retention of drafts",
	}).Channel = semconv.ChannelJob
}

func pick[T any](rng *rand.Rand, values []T) T { return values[rng.IntN(len(values))] }

// something is one ordinary event.
func (c *company) something(at time.Time) {
	who, tenant := pick(c.rng, people), pick(c.rng, tenants)
	invoice := audit.Target{Type: "invoice", ID: fmt.Sprint(1000 + c.rng.IntN(400))}
	invoice.Name = "Invoice " + invoice.ID
	patient := audit.Target{Type: "patient", ID: fmt.Sprintf("p-%03d", c.rng.IntN(150))}
	switch n := c.rng.IntN(100); {
	case n < 14:
		c.request(c.add(at, who, audit.Event{Action: "user.login", Operation: audit.OperationLogin, Target: audit.Target{Type: "user", ID: who.ID, Name: who.Name}}), "POST", "/login", 200).Tenant = tenant
	case n < 17:
		r := c.add(at, audit.Anonymous(), audit.Event{
			Action: "user.login", Operation: audit.OperationLogin, Outcome: audit.OutcomeFailure, Failure: "wrong password",
			Target: audit.Target{Type: "user", ID: who.ID},
		})
		c.request(r, "POST", "/login", 401)
	case n < 32:
		r := c.add(at, who, audit.Event{Action: "invoice.create", Operation: audit.OperationCreate, Target: invoice, Tenant: tenant, Changes: []audit.Change{
			{Field: "amount", New: attribute.Float64Value(float64(c.rng.IntN(900000)) / 100)},
			{Field: "currency", New: attribute.StringValue("EUR")},
			{Field: "status", New: attribute.StringValue("draft")},
		}})
		c.request(r, "POST", "/invoices", 201)
	case n < 50:
		before := float64(c.rng.IntN(900000)) / 100
		r := c.add(at, who, audit.Event{
			Action: "invoice.update", Operation: audit.OperationUpdate, Target: invoice, Tenant: tenant,
			Reason:  pick(c.rng, []string{"the supplier corrected the price", "typing error", "discount agreed by phone", ""}),
			Changes: []audit.Change{{Field: "amount", Old: attribute.Float64Value(before), New: attribute.Float64Value(before * 1.1)}},
		})
		c.request(r, "PATCH", "/invoices/:id", 200)
	case n < 60:
		r := c.add(at, who, audit.Event{
			Action: "invoice.approve", Operation: audit.OperationUpdate, Target: invoice, Tenant: tenant, Reason: "within budget",
			Changes: []audit.Change{{Field: "status", Old: attribute.StringValue("draft"), New: attribute.StringValue("approved")}},
		})
		c.request(r, "POST", "/invoices/:id/approve", 200)
	case n < 72:
		r := c.add(at, who, audit.Event{Action: "patient.view", Operation: audit.OperationRead, Target: patient, Tenant: tenant, Reason: "appointment"})
		c.request(r, "GET", "/patients/:id", 200)
	case n < 78:
		c.payout(at, tenant, c.rng.IntN(40) == 0)
	case n < 82:
		r := c.add(at, who, audit.Event{
			Action: "access.denied", Outcome: audit.OutcomeDenied, Failure: "role admin is missing", Target: audit.Target{Type: "report", ID: "salaries"}, Tenant: tenant,
		})
		c.request(r, "GET", "/reports/:id", 403)
	case n < 86:
		who = people[c.rng.IntN(5)]
		support := people[5].Clone()
		support.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: who.ID, Name: who.Name}
		r := c.add(at, support, audit.Event{Action: "settings.update", Operation: audit.OperationUpdate, Target: audit.Target{Type: "account", ID: who.ID, Name: who.Name}, Tenant: tenant, Reason: fmt.Sprintf("ticket %d", 4000+c.rng.IntN(900)), Changes: []audit.Change{
			{Field: "language", Old: attribute.StringValue("en"), New: attribute.StringValue("fr")},
		}})
		c.request(r, "PUT", "/settings", 200)
	case n < 88:
		r := c.add(at, who, audit.Event{Action: "audit.coverage.missing", Kind: audit.KindSignal, Tenant: tenant})
		c.request(r, "POST", "/invoices/:id/remind", 200)
	case n < 93:
		c.add(at, billing, audit.Event{
			Action: "invoice.send_reminder", Operation: audit.OperationExecute, Target: invoice, Tenant: tenant,
		}).Channel = semconv.ChannelAPI
	default:
		r := c.add(at, people[4], audit.Event{
			Action: "user.role_grant", Operation: audit.OperationUpdate, Target: audit.Target{Type: "user", ID: who.ID, Name: who.Name}, Tenant: tenant, Reason: "new team",
			Changes: []audit.Change{{Field: "roles", Old: attribute.StringSliceValue(who.Roles), New: attribute.StringSliceValue(append(slices.Clone(who.Roles), "auditor"))}},
		})
		c.request(r, "POST", "/users/:id/roles", 200).Channel = semconv.ChannelAdmin
	}
}

// payout is an attempt: its begin and its end, or, after a crash, none of its own.
func (c *company) payout(at time.Time, tenant string, crashed bool) {
	target := audit.Target{Type: "payout", ID: fmt.Sprint(7000 + c.rng.IntN(900))}
	event := audit.Event{Action: "payout.send", Operation: audit.OperationExecute, Target: target, Tenant: tenant, Reason: "weekly run"}
	begin := c.add(at, billing, event)
	begin.Outcome, begin.Attempt, begin.Channel = audit.OutcomeUnknown, begin.ID, semconv.ChannelJob
	who := billing
	if crashed {
		who = recovery
	}
	end := c.add(at.Add(time.Duration(300+c.rng.IntN(900))*time.Millisecond), who, event)
	end.Attempt, end.Channel = begin.ID, semconv.ChannelJob
	if crashed {
		end.Outcome, end.Failure = audit.OutcomeUnknown, "the process stopped"
	} else if c.rng.IntN(12) == 0 {
		end.Outcome, end.Failure = audit.OutcomeFailure, "the bank answered: account closed"
	}
}
