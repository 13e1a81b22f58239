package viewer

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/query/history"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/viewer/internal/textdiff"
	"go.opentelemetry.io/otel/attribute"
)

// recordPage is the data of the page of a record.
type recordPage struct {
	Records []recordView // more than one if different records have the ID
	Slow    bool
	Partial bool // a part of the store could not be read
}

// recordView is everything that a record says.
type recordView struct {
	row

	Groups    []factGroup
	Changes   []changeView
	Requested bool // the changes were asked for and not observed
	Marks     []markView
	Attempt   []row  // the other records of its attempt
	Open      string // that the attempt has no end, or ""
	Partial   bool   // a part of the store could not be searched for them
	Exports   []exportLink
	TraceURL  string
	JSON      string
	Proof     proofView
}

// factGroup is a question and its answers.
type factGroup struct {
	Title string
	Facts []fact
}

// fact is a name and a value.
type fact struct {
	Name  string
	Parts []part
	Code  bool
}

// changeView is the change of a field.
type changeView struct {
	Field    string
	Old, New valueView
	Rows     []textdiff.Row // of long texts, instead of Old and New
}

// valueView is a value, or why it is not known.
type valueView struct {
	Text   string
	Spans  []textdiff.Span // the text, if it was compared with another one
	Status string
}

// markView is what happened to a value.
type markView struct {
	Path, Text, Details string
	Href, Link          string // of a record that says more, or ""
}

func (v *visit) record() (*content, error) {
	id, err := ask.ID(v.params.Get("id"))
	if err != nil || id.IsZero() {
		return nil, errNoRecord
	}
	f := query.Filter{IDs: []audit.ID{id}}
	if err := v.look(f, false); err != nil {
		return nil, err
	}
	records, _, partial, err := v.find(f, pageSize)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		if partial {
			return nil, errBroken
		}
		return nil, errNoRecord
	}
	data := recordPage{Partial: partial}
	for _, r := range records {
		view := v.recordView(r)
		data.Records, data.Partial = append(data.Records, view), data.Partial || view.Partial
	}
	v.proofs(id, records, data.Records)
	data.Slow = v.ctx.Err() != nil
	return &content{template: "record.html", Title: sentenceText(data.Records[0].Sentence), Data: data}, nil
}

func sentenceText(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

func (v *visit) recordView(r *record.Record) recordView {
	erasables := v.erasables(r)
	view := recordView{row: v.row(r), Groups: v.groups(r), Changes: v.changes(r, erasables), JSON: indented(r)}
	view.Exports = v.exports(v.only("id", r.ID.String()))
	for _, m := range r.Marks {
		if m.Kind == mark.Requested && m.Path == "changes" {
			view.Requested = true
		}
		view.Marks = append(view.Marks, v.markView(m))
	}
	for _, path := range r.Redacted {
		if e, ok := erasables[path]; ok {
			view.Marks = append(view.Marks, e.mark(v, path))
			continue
		}
		view.Marks = append(view.Marks, markView{Path: visible(path), Text: v.language.word("It was masked or removed, because it is or may hold a secret")})
	}
	if v.traceURL != "" && r.TraceID.IsValid() {
		view.TraceURL = strings.NewReplacer("{trace_id}", r.TraceID.String(), "{span_id}", r.SpanID.String()).Replace(v.traceURL)
	}
	v.attempt(&view, r)
	return view
}

// attempt finds the other records of the attempt.
func (v *visit) attempt(view *recordView, r *record.Record) {
	if r.Attempt.IsZero() {
		return
	}
	others, more, partial, err := v.find(query.Filter{Attempts: []audit.ID{r.Attempt}}, pageSize)
	if err != nil {
		return // the page says that it is slow
	}
	view.Partial = partial
	open := !more && !partial // else the end may be among those that were not found
	for _, o := range append(others, r) {
		open = open && query.StageOf(o) != query.StageEnd
	}
	switch {
	case open && v.seesAllRecords():
		view.Open = v.language.word("It has not ended yet, so its result is not known.")
	case open:
		view.Open = v.language.word("Its end is not among the records that you may see.")
	}
	for _, o := range others {
		if o.ID != r.ID {
			view.Attempt = append(view.Attempt, v.row(o))
		}
	}
}

// long is the length from which a text is compared line by line, in bytes.
const long = 120

func (v *visit) changes(r *record.Record, erasables map[string]erasable) []changeView {
	var views []changeView
	for _, c := range history.Changes(r) {
		view := changeView{Field: visible(c.Field), Old: v.value(c.Old), New: v.value(c.New)}
		if e, ok := erasables[sanitize.FieldPath("changes", c.Field)]; ok {
			for _, side := range []struct {
				value history.Value
				view  *valueView
			}{{c.Old, &view.Old}, {c.New, &view.New}} {
				if side.value.Status == history.Redacted {
					side.view.Status = e.status(v)
				}
			}
		}
		if readable(c.Old) && readable(c.New) {
			o, n := view.Old.Text, view.New.Text
			if max(len(o), len(n)) > long || strings.Contains(o+n, "\n") {
				view.Rows = textdiff.Diff(o, n)
			} else {
				view.Old.Spans, view.New.Spans = textdiff.Words(o, n)
			}
		}
		views = append(views, view)
	}
	return views
}

func readable(v history.Value) bool { return v.Status == history.Known || v.Status == history.Cut }

func (v *visit) value(value history.Value) valueView {
	view := valueView{}
	if readable(value) {
		view.Text = visible(value.Value.String())
	}
	switch value.Status {
	case history.Known:
		if value.Value.Type() == attribute.STRING && value.Value.AsString() == "" {
			view.Status = v.language.word("empty text")
		}
	case history.Absent:
		view.Status = v.language.word("no value")
	default:
		view.Status = v.language.word(value.Status.String())
	}
	return view
}

// markTexts say what a mark means.
var markTexts = map[mark.Kind]string{
	mark.Cut:            "The text was too long: the rest was cut off",
	mark.Escaped:        "It has bytes that are not text. They are written as \\xNN",
	mark.Repeated:       "The key occurred more than once: the last value was kept",
	mark.Dropped:        "The list was too long: the rest was left out",
	mark.Unread:         "The value was too long to be read",
	mark.Replaced:       "A placeholder stands for a value that cannot be recorded",
	mark.PolicyUnmet:    "A policy requires this, and the event lacks it",
	mark.Requested:      "The changes were requested. It is not known whether they were made",
	mark.CountUnknown:   "A crash left the count unfinished",
	mark.Missing:        "It should have been recorded, but could not be",
	mark.NotLoaded:      "The application did not load the value, so it is not known",
	mark.SignalOverflow: "It was recorded because its scope could not hold more signals",
}

func (v *visit) markView(m mark.Mark) markView {
	view := markView{Path: visible(m.Path), Text: v.language.word(markTexts[m.Kind])}
	if view.Path == "" {
		view.Path = v.language.word("the record")
	}
	if view.Text == "" {
		view.Text = string(m.Kind)
	}
	var details []string
	if m.Count > 0 {
		details = append(details, v.language.amount(m.Count, "1 value", "%s values"))
	}
	if m.Length > 0 {
		details = append(details, v.language.amount(m.Length, "1 byte in all", "%s bytes in all"))
	}
	if m.SHA256 != [32]byte{} {
		details = append(details, "SHA-256 "+hex.EncodeToString(m.SHA256[:]))
	}
	view.Details = strings.Join(details, ", ")
	return view
}

// indented returns the JSON of a record over several lines.
func indented(r *record.Record) string {
	line, err := r.AppendJSON(nil)
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, line, "", "  ") != nil {
		return ""
	}
	return visible(b.String())
}
