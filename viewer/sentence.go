package viewer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// part is a part of a sentence.
type part struct {
	Kind string // a class of the stylesheet: text, actor, target, type, value
	Text string
	Href string // of the page about it, or ""
	Hint string // what it is precisely, or ""
}

// placeholders are the names in braces, except {metadata.KEY}.
var placeholders = []string{"actor", "target", "action", "address", "channel", "tenant", "route", "changed", "count"}

const metadataPlaceholder = "metadata."

// checkSentence returns an error for a placeholder that does not exist.
func checkSentence(text string) error {
	for text != "" {
		_, rest, ok := strings.Cut(text, "{")
		if !ok {
			return nil
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok || !slices.Contains(placeholders, name) && !strings.HasPrefix(name, metadataPlaceholder) {
			return fmt.Errorf("{%s is not a placeholder; there are {%s} and {metadata.KEY}", rest, strings.Join(placeholders, "}, {"))
		}
		text = after
	}
	return nil
}

// sentenceOf returns the sentence of a record.
func (v *visit) sentenceOf(r *record.Record) []part {
	s, ok := v.language.sentence(r.Action)
	text := ""
	if ok {
		text = s.of(r)
	}
	if text == "" && v.language.isEnglish() {
		made := englishSentence(r)
		text = made.of(r)
	}
	if text == "" {
		text = "{actor}: {action} {target}"
	}
	return v.fill(text, r)
}

// of returns the sentence for the outcome of a record.
func (s *Sentence) of(r *record.Record) string {
	switch {
	case query.StageOf(r) == query.StageBegin:
		return s.Begun
	case r.Outcome == audit.OutcomeSuccess:
		return s.Success
	case r.Outcome == audit.OutcomeFailure:
		return s.Failure
	case r.Outcome == audit.OutcomeDenied:
		return s.Denied
	}
	return s.Unknown
}

// fill replaces the placeholders of a sentence.
func (v *visit) fill(text string, r *record.Record) []part {
	var parts []part
	add := func(text string) {
		if text != "" {
			parts = append(parts, part{Kind: "text", Text: text})
		}
	}
	for {
		before, rest, ok := strings.Cut(text, "{")
		add(before)
		if !ok {
			return parts
		}
		name, after, _ := strings.Cut(rest, "}")
		parts = append(parts, v.placeholder(name, r)...)
		text = after
	}
}

func (v *visit) placeholder(name string, r *record.Record) []part {
	switch name {
	case "actor":
		return v.actorParts(&r.Actor)
	case "target":
		return v.targetParts(r)
	case "action":
		return []part{{Kind: "value", Text: r.Action}}
	case "address":
		return []part{{Kind: "value", Text: metadataText(r, semconv.ClientAddressKey)}}
	case "channel":
		return []part{{Kind: "value", Text: visible(r.Channel)}}
	case "tenant":
		return []part{{Kind: "value", Text: visible(r.Tenant)}}
	case "route":
		return []part{{Kind: "value", Text: routeOf(r)}}
	case "count":
		return []part{{Kind: "value", Text: number(r.Bulk.Affected)}}
	case "changed":
		var fields []string
		for i := range r.Changes {
			fields = append(fields, visible(r.Changes[i].Field))
		}
		return []part{{Kind: "value", Text: strings.Join(fields, ", ")}}
	}
	return []part{{Kind: "value", Text: metadataText(r, attribute.Key(strings.TrimPrefix(name, metadataPlaceholder)))}}
}

// actorParts returns an actor, and those for whom it acted.
func (v *visit) actorParts(a *audit.Actor) []part {
	parts := []part{v.actorPart(a)}
	for n := 0; a.OnBehalfOf != nil && n < record.MaxDelegation; n++ {
		a = a.OnBehalfOf
		parts = append(parts, part{Kind: "text", Text: " " + v.language.word("for") + " "}, v.actorPart(a))
	}
	return parts
}

func (v *visit) actorPart(a *audit.Actor) part {
	p := part{Kind: "actor", Text: visible(a.Name), Hint: visible(actorText(a)), Href: v.actorAddress(a)}
	switch {
	case a.Type == audit.ActorAnonymous:
		p.Text = v.language.word("Somebody anonymous")
	case a.Type == audit.ActorUnresolved:
		p.Text = v.language.word("Somebody unresolved")
	case p.Text == "":
		p.Text = visible(a.ID)
	}
	return p
}

func (v *visit) targetParts(r *record.Record) []part {
	t := r.Target
	if !r.Bulk.IsZero() {
		return []part{{Kind: "target", Text: v.bulkText(r), Hint: visible(r.Bulk.Selector)}}
	}
	if t.Type == "" && t.ID == "" {
		return nil
	}
	if t.ID == "" {
		return []part{{Kind: "type", Text: visible(spaced(t.Type))}}
	}
	name := t.Name
	if name == "" {
		name = t.ID
	}
	return []part{
		{Kind: "type", Text: visible(spaced(t.Type)) + " "},
		{Kind: "target", Text: visible(name), Hint: visible(t.Type + "/" + t.ID), Href: v.objectAddress(t, r.Tenant)},
	}
}

// bulkText returns the objects of a bulk change, such as "1,204 articles".
func (v *visit) bulkText(r *record.Record) string {
	name := spaced(r.Target.Type)
	if name == "" {
		name = v.language.word("object")
	}
	if r.Bulk.Affected != 1 && v.language.isEnglish() {
		name = plural(name)
	}
	return number(r.Bulk.Affected) + " " + visible(name)
}

func spaced(text string) string { return strings.NewReplacer("_", " ", ".", " ").Replace(text) }

func metadataText(r *record.Record, key attribute.Key) string {
	for _, kv := range r.Metadata {
		if kv.Key == key {
			return visible(kv.Value.String())
		}
	}
	return ""
}

// routeOf returns the route, or the method of a remote call, that led to the record.
func routeOf(r *record.Record) string {
	if route := metadataText(r, semconv.HTTPRouteKey); route != "" {
		if method := metadataText(r, semconv.HTTPRequestMethodKey); method != "" {
			return method + " " + route
		}
		return route
	}
	return metadataText(r, semconv.RPCMethodKey)
}
