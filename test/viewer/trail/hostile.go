package trail

import (
	"cmp"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// HostileTexts are texts that would run code, break a page or deceive its reader, if a page
// did not escape them. Each sets window.attacked where it can.
var HostileTexts = []string{
	`<script>window.attacked=1</script>`,
	`"><script>window.attacked=1</script>`,
	`'><img src=x onerror="window.attacked=1">`,
	`</title><script>window.attacked=1</script>`,
	`</textarea></pre></table><svg onload="window.attacked=1">`,
	`javascript:window.attacked=1`,
	`JaVaScRiPt:window.attacked=1//`,
	`data:text/html,<script>window.attacked=1</script>`,
	`" onmouseover="window.attacked=1" autofocus onfocus="window.attacked=1" x="`,
	`{{.}}{{template "layout"}}${window.attacked=1}`,
	`<base href="https://attacker.example/"><meta http-equiv="refresh" content="0;url=https://attacker.example/">`,
	`<style>@import "https://attacker.example/x.css"; * {display: none}</style>`,
	`<iframe srcdoc="<script>parent.attacked=1</script>"></iframe>`,
	`<form action="https://attacker.example/"><button>Log in</button></form>`,
	`&lt;script&gt;window.attacked=1&lt;/script&gt; &#60;script&#62;`,
	"\u202eevil\u202c \u2066text\u2069 \u200bzero \u2028line",
	"../../../../etc/passwd?x=%00&y=#fragment",
	`aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`,
	`=HYPERLINK("https://attacker.example/","click")`,
	"Ⅷ𝕳𝖊𝖑𝖑𝖔 ﷽ \U0001F468\u200d\U0001F469\u200d\U0001F467 Ҳҳ نص עברית",
}

// Hostile returns a record for each hostile text, which has it in every field.
func Hostile(at time.Time) []*record.Record {
	var records []*record.Record
	for n, text := range HostileTexts {
		var id audit.ID
		id[0], id[6], id[8], id[15] = 1, 0x70, 0x80, byte(n+1)
		e := audit.Event{
			ID: id, Time: at.Add(time.Duration(n) * time.Second), Action: "article.update", Operation: audit.OperationUpdate, Outcome: audit.OutcomeFailure,
			Actor:  audit.Actor{Type: audit.ActorUser, ID: text, Name: text, AuthMethod: text, Roles: []string{text}, OnBehalfOf: &audit.Actor{Type: audit.ActorService, ID: text, Name: text}},
			Target: audit.Target{Type: text, ID: text, Name: text}, Covers: []audit.Target{{Type: text, ID: text, Name: text}},
			Reason: text, Failure: text, Tenant: text,
			Changes: []audit.Change{
				{Field: text, Old: attribute.StringValue(text), New: attribute.StringValue(text + "\n" + text)},
				{Field: "short", Old: attribute.StringValue("x"), New: attribute.StringValue(text)},
			},
			Metadata: []attribute.KeyValue{semconv.ClientAddressKey.String(text), semconv.HTTPRouteKey.String(text), attribute.String(text, text)},
		}
		r := &record.Record{Event: e, ObservedTime: e.Time, Channel: text, Resource: shop, Tracker: record.Instrumentation{Name: text, Version: text}}
		slices.SortFunc(r.Metadata, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
		records = append(records, r)
	}
	return records
}
