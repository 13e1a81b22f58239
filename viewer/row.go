package viewer

import (
	"hash/fnv"
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
)

// row is a record in a list.
type row struct {
	Href     string
	ID       string
	Time     moment
	When     string // the time of the day, or, where there is no heading with the day, both
	Sentence []part
	Action   part
	Badge    badge
	Avatar   avatar
	Reason   string
	Failure  string
	Facts    []part // further details: from where, which tenant, what changed
}

// badge is the outcome of a record. A success has none, so that the others are seen.
type badge struct{ Kind, Text string }

// avatar stands for an actor: initials, and one of some colors.
type avatar struct{ Kind, Text string }

func (v *visit) row(r *record.Record) row {
	r = erasure.Shown(r)
	one := row{
		Href: v.recordAddress(r.ID), ID: r.ID.String(), Time: v.moment(r.Time), When: v.shortTime(r.Time), Sentence: v.sentenceOf(r),
		Action: part{Kind: "action", Text: r.Action, Href: v.address("", v.only("action", r.Action))},
		Badge:  v.badge(r), Avatar: avatarOf(&r.Actor), Reason: visible(r.Reason), Failure: visible(r.Failure),
	}
	add := func(kind, text, name, value string) {
		if text != "" {
			one.Facts = append(one.Facts, part{Kind: kind, Text: text, Href: v.address("", v.only(name, value))})
		}
	}
	address := metadataText(r, semconv.ClientAddressKey)
	add("address", address, "address", address)
	add("channel", visible(r.Channel), "channel", r.Channel)
	add("tenant", visible(r.Tenant), "tenant", r.Tenant)
	if n := len(r.Changes); n > 0 {
		one.Facts = append(one.Facts, part{Kind: "changed", Text: v.changedText(r)})
	}
	if r.Action == semconv.ActionTrailExport {
		one.Facts = append(one.Facts, v.exportFacts(r)...)
	}
	return one
}

// maxNamed is how many changed fields a row names.
const maxNamed = 3

func (v *visit) changedText(r *record.Record) string {
	text := ""
	for i := range r.Changes {
		if i == maxNamed {
			return text + " " + v.language.phrase("and %d more", len(r.Changes)-maxNamed)
		}
		if i > 0 {
			text += ", "
		}
		text += visible(r.Changes[i].Field)
	}
	return text
}

// only returns parameters with one condition.
func (*visit) only(name, value string) map[string][]string { return map[string][]string{name: {value}} }

func (v *visit) badge(r *record.Record) badge {
	if query.StageOf(r) == query.StageBegin {
		return badge{"begun", v.language.word("Begun")}
	}
	switch r.Outcome {
	case audit.OutcomeSuccess:
		return badge{}
	case audit.OutcomeFailure:
		return badge{"failure", v.language.word("Failed")}
	case audit.OutcomeDenied:
		return badge{"denied", v.language.word("Denied")}
	default:
		return badge{"unknown", v.language.word("Unknown")}
	}
}

// hues is the number of colors of avatars in the stylesheet.
const hues = 8

func avatarOf(a *audit.Actor) avatar {
	switch a.Type {
	case audit.ActorAnonymous, audit.ActorUnresolved:
		return avatar{"nobody", "?"}
	case audit.ActorSystem, audit.ActorService:
		return avatar{"machine", "\u2699"}
	default:
	}
	name := a.Name
	if name == "" {
		name = a.ID
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(a.ID)) // never fails
	return avatar{"hue-" + strconv.Itoa(int(sum.Sum32()%hues)), initials(name)}
}
