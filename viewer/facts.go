package viewer

import (
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// groups returns what a record says, by question. Reason and failure are at the top of the page.
func (v *visit) groups(r *record.Record) []factGroup {
	r = erasure.Shown(r)
	groups := []factGroup{v.who(r), v.what(r), v.where(r), v.more(r)}
	kept := groups[:0]
	for _, g := range groups {
		if len(g.Facts) > 0 {
			kept = append(kept, g)
		}
	}
	return kept
}

// add adds a fact, unless its value is empty.
func (g *factGroup) add(name string, code bool, parts ...part) {
	for _, p := range parts {
		if p.Text != "" {
			g.Facts = append(g.Facts, fact{Name: name, Parts: parts, Code: code})
			return
		}
	}
}

func text(s string) part { return part{Kind: "text", Text: visible(s)} }

// link returns a value that leads to the records that have it.
func (v *visit) link(s, name, value string) part {
	return part{Kind: "value", Text: visible(s), Href: v.address("", v.only(name, value))}
}

func (v *visit) who(r *record.Record) factGroup {
	t := v.language.word
	g := factGroup{Title: t("Who")}
	g.actor(v, t("Actor"), &r.Actor)
	for a, n := r.Actor.OnBehalfOf, 0; a != nil && n < record.MaxDelegation; a, n = a.OnBehalfOf, n+1 {
		g.actor(v, t("On behalf of"), a)
	}
	return g
}

func (g *factGroup) actor(v *visit, name string, a *audit.Actor) {
	t := v.language.word
	p := v.actorPart(a)
	g.add(name, false, p)
	if p.Text != visible(actorText(a)) {
		g.add(t("ID"), true, text(actorText(a)))
	}
	g.add(t("Roles"), false, text(strings.Join(a.Roles, ", ")))
	g.add(t("Authenticated by"), false, text(a.AuthMethod))
	if a.SessionID != "" {
		g.add(t("Session"), true, v.link(a.SessionID, "session", a.SessionID))
	}
}

func (v *visit) what(r *record.Record) factGroup {
	t := v.language.word
	g := factGroup{Title: t("What")}
	g.add(t("Action"), true, v.link(r.Action, "action", r.Action))
	if r.Operation != audit.OperationUnspecified {
		g.add(t("Operation"), false, v.link(t(r.Operation.String()), "operation", r.Operation.String()))
	}
	g.add(t("Outcome"), false, v.link(t(r.Outcome.String()), "outcome", r.Outcome.String()))
	if r.Target.ID != "" || r.Target.Type != "" {
		g.add(t("Target"), false, v.targetFact(r.Target, r.Tenant)...)
		if r.Target.Name != "" {
			g.add(t("Target ID"), true, text(r.Target.Type+"/"+r.Target.ID))
		}
	}
	if !r.Bulk.IsZero() {
		g.add(t("Objects"), false, text(number(r.Bulk.Affected)))
		g.add(t("Which"), true, text(r.Bulk.Selector))
		g.add(t("Some of them"), true, text(firstOf(r.Bulk.Sample)))
	}
	for _, c := range r.Covers {
		g.add(t("Also changed"), false, v.targetFact(c, r.Tenant)...)
	}
	return g
}

// firstOf joins the first texts of a list.
func firstOf(texts []string) string {
	const most = 20
	if len(texts) > most {
		return strings.Join(texts[:most], ", ") + ", …"
	}
	return strings.Join(texts, ", ")
}

func (v *visit) targetFact(t audit.Target, tenant string) []part {
	name := t.Name
	if name == "" {
		name = t.ID
	}
	if name == "" {
		return []part{text(spaced(t.Type))}
	}
	return []part{text(spaced(t.Type) + " "), {Kind: "target", Text: visible(name), Href: v.objectAddress(t, tenant)}}
}

// ownFacts are the keys of metadata that have a name of their own.
var ownFacts = map[attribute.Key]bool{
	semconv.ClientAddressKey: true, semconv.HTTPRouteKey: true, semconv.HTTPRequestMethodKey: true, semconv.HTTPResponseStatusCodeKey: true,
	semconv.UserAgentOriginalKey: true, semconv.RPCMethodKey: true, semconv.RequestIDKey: true,
}

func (v *visit) where(r *record.Record) factGroup {
	t := v.language.word
	g := factGroup{Title: t("Where")}
	linked := func(name, value, condition string) {
		if value != "" {
			g.add(name, false, v.link(value, condition, value))
		}
	}
	linked(t("Tenant"), r.Tenant, "tenant")
	linked(t("Channel"), r.Channel, "channel")
	linked(t("Address"), metadataText(r, semconv.ClientAddressKey), "address")
	g.add(t("Request"), true, text(strings.TrimSpace(routeOf(r)+" "+metadataText(r, semconv.HTTPResponseStatusCodeKey))))
	g.add(t("Request ID"), true, text(metadataText(r, semconv.RequestIDKey)))
	g.add(t("Browser"), false, text(metadataText(r, semconv.UserAgentOriginalKey)))
	if r.Resource != nil {
		if name, ok := r.Resource.Set().Value("service.name"); ok {
			linked(t("Service"), name.String(), "service")
		}
	}
	if r.TraceID.IsValid() {
		g.add(t("Trace"), true, v.link(r.TraceID.String(), "trace", r.TraceID.String()))
	}
	return g
}

func (v *visit) more(r *record.Record) factGroup {
	t := v.language.word
	g := factGroup{Title: t("More")}
	for _, kv := range r.Metadata {
		if !ownFacts[kv.Key] {
			g.add(visible(string(kv.Key)), true, text(kv.Value.String()))
		}
	}
	for _, kv := range r.Overridden {
		g.add(v.language.phrase("%s, replaced", visible(string(kv.Key))), true, text(kv.Value.String()))
	}
	if r.Kind != audit.KindIntent {
		g.add(t("Kind"), false, text(t("signal: the data layer noticed the change, and the application recorded no event for it")))
	}
	switch query.StageOf(r) {
	case query.StageBegin:
		g.add(t("Attempt"), false, text(t("this record began it")))
	case query.StageEnd:
		g.add(t("Attempt"), false, text(t("this record ended it")))
	default:
	}
	if !r.ObservedTime.IsZero() && !r.ObservedTime.Equal(r.Time) {
		g.add(t("Tracked"), false, text(v.moment(r.ObservedTime).Full))
	}
	if r.Tracker.Name != "" {
		g.add(t("Tracked by"), true, text(strings.TrimSpace(r.Tracker.Name+" "+r.Tracker.Version)))
	}
	return g
}
