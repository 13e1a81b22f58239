package viewer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// exportLink is the address of an export.
type exportLink struct{ Name, Href string }

// exports returns the addresses of the exports of what some parameters select.
func (v *visit) exports(params url.Values) []exportLink {
	params = clone(params)
	for _, name := range []string{"after", "count", "looks"} {
		params.Del(name)
	}
	var links []exportLink
	for _, format := range []exportLink{{"CSV", "csv"}, {"JSON lines", "jsonl"}, {v.language.word("Report"), "report"}} {
		params := clone(params)
		params.Set("format", format.Href)
		links = append(links, exportLink{format.Name, v.address("export", params)})
	}
	return links
}

// pastExports returns the address of the exports that were made, or "" if none is recorded.
func (v *visit) pastExports() string {
	if v.tracker == nil {
		return ""
	}
	return v.address("", v.only("action", semconv.ActionTrailExport))
}

// exportFacts returns what the record of an export says about its file: a browser shows no
// trailers, so this is where people find the hash.
func (v *visit) exportFacts(r *record.Record) []part {
	file, sum, records := metadataText(r, semconv.TrailFileKey), metadataText(r, semconv.TrailSHA256Key), ""
	for _, kv := range r.Metadata {
		if kv.Key == semconv.TrailRecordsKey && kv.Value.Type() == attribute.INT64 {
			records = v.records(&counted{Counts: &query.Counts{Records: kv.Value.AsInt64()}})
		}
	}
	if sum != "" {
		sum = "SHA-256 " + sum
	}
	var facts []part
	for _, text := range []string{file, records, sum} {
		if text != "" {
			facts = append(facts, part{Kind: "exported", Text: text})
		}
	}
	return facts
}

// exportTimeout is how long an export may take, and writeTimeout how long a client may take
// for a part of it.
const (
	exportTimeout = 15 * time.Minute
	writeTimeout  = 30 * time.Second
)

// export writes the records that match, oldest first, as CSV, JSON lines or a report. That
// somebody exports is recorded before the first record leaves, and what they got at the end.
func (v *visit) export() (*content, error) {
	f, err := v.filter("format")
	if err != nil {
		return nil, err
	}
	f.Ascending, f.After = true, ""
	if f.Until.IsZero() {
		f.Until = v.clock.Now.UTC()
	}
	format := v.params.Get("format")
	if !slices.Contains([]string{"csv", "jsonl", "report"}, format) {
		return nil, problemf(http.StatusBadRequest, "There is no such format", "Use csv, jsonl or report.")
	}
	if err := v.admit(v.exporting, errExports); err != nil {
		return nil, err
	}
	attempt, err := v.beginExport(f)
	if err != nil {
		return nil, err
	}
	plan, err := v.plan(f, format)
	if err != nil {
		return nil, err
	}
	if format == "report" {
		return v.report(f, plan, attempt)
	}
	v.stream(f, plan, attempt)
	return nil, nil
}

func (v *visit) plan(f query.Filter, format string) (report.Plan, error) {
	filter, err := f.MarshalJSON()
	return report.Plan{Format: format, Zone: v.clock.Zone.String(), Filter: filter, Sources: v.sourceNames(), Part: !v.seesAll()}, err
}

// sourceNames returns the names of the stores, or the name of the trail.
func (v *visit) sourceNames() []string {
	if len(v.sources) == 0 {
		return []string{v.title}
	}
	return v.sources
}

// beginExport records that an export begins. It returns nil if nothing is recorded.
func (v *visit) beginExport(f query.Filter) (*audit.Attempt, error) {
	if v.tracker == nil {
		return nil, nil
	}
	event, err := v.lookEvent(f)
	if err != nil {
		return nil, err
	}
	event.Action = semconv.ActionTrailExport
	attempt, err := audit.Begin(v.ctx, v.tracker, event)
	if err != nil {
		v.onError(v.ctx, err)
		return nil, errUnrecorded
	}
	return attempt, nil
}

// endExport records what was exported.
func (v *visit) endExport(attempt *audit.Attempt, m *report.Manifest, failed error) error {
	if attempt == nil {
		return nil
	}
	event := audit.Event{Outcome: audit.OutcomeSuccess, Metadata: []attribute.KeyValue{
		semconv.TrailRecordsKey.Int64(m.Records), semconv.TrailFileKey.String(m.File), semconv.TrailSHA256Key.String(m.SHA256),
	}}
	if failed != nil {
		event.Outcome, event.Failure = audit.OutcomeFailure, "the export was not completed"
	}
	return attempt.Finish(context.WithoutCancel(v.ctx), event)
}

// exported is a file that is written: it counts and hashes what goes through.
type exported struct {
	manifest report.Manifest
	sum      hash.Hash
	append   func([]byte, *query.Line) ([]byte, error)
	buffer   []byte
}

func (v *visit) newExported(plan report.Plan) (*exported, error) {
	e := &exported{sum: sha256.New(), append: report.AppendJSON}
	e.manifest = report.Manifest{
		Version: report.ManifestVersion, Plan: plan, By: actorText(&v.actor), Tool: "viewer", Created: v.clock.Now.UTC().Truncate(time.Second),
		File: report.FileName(v.clock.Now, plan.Format),
	}
	if plan.Format == "csv" {
		columns, err := report.Columns()
		if err != nil {
			return nil, err
		}
		lines := report.NewCSV(columns, v.clock.Zone)
		e.append, e.buffer = lines.Append, lines.Header()
	}
	return e, nil
}

// add appends a record to the buffer.
func (e *exported) add(l *query.Line) (err error) {
	if e.manifest.Records == 0 {
		e.manifest.Range.AddFirst(l)
	}
	e.manifest.Range.AddLast(l)
	e.manifest.Records++
	e.buffer, err = e.append(e.buffer, l)
	return err
}

// take returns what is in the buffer, and empties it.
func (e *exported) take() []byte {
	part := e.buffer
	_, _ = e.sum.Write(part) // never fails
	e.manifest.Bytes += int64(len(part))
	e.manifest.SHA256 = hex.EncodeToString(e.sum.Sum(nil))
	e.buffer = e.buffer[:0]
	return part
}

// stream writes a file. If it cannot be completed, the connection is cut, so that nobody takes
// a part for the whole.
func (v *visit) stream(f query.Filter, plan report.Plan, attempt *audit.Attempt) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx), exportTimeout)
	defer cancel()
	stop := context.AfterFunc(v.r.Context(), cancel)
	defer stop()
	e, err := v.newExported(plan)
	if err == nil {
		h := v.w.Header()
		h.Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}[plan.Format])
		h.Set("Content-Disposition", `attachment; filename="`+e.manifest.File+`"`)
		h.Set("Trailer", "X-Audit-Records, X-Audit-Sha256")
		if v.r.Method == http.MethodGet {
			err = v.copy(ctx, f, e)
		}
		h.Set("X-Audit-Records", strconv.FormatInt(e.manifest.Records, 10))
		h.Set("X-Audit-Sha256", e.manifest.SHA256)
	}
	if ended := v.endExport(attempt, &e.manifest, err); ended != nil {
		err = errors.Join(err, ended)
	}
	if err != nil {
		if v.r.Context().Err() == nil {
			v.onError(v.ctx, err)
		}
		panic(http.ErrAbortHandler)
	}
}

// partSize is how much is written at once, in bytes.
const partSize = 64 << 10

func (v *visit) copy(ctx context.Context, f query.Filter, e *exported) error {
	controller := http.NewResponseController(v.w)
	write := func() error {
		if err := controller.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		_, err := v.w.Write(e.take())
		return err
	}
	for l, err := range query.Lines(ctx, v.reader, f) {
		if err != nil {
			return err
		}
		if err := e.add(&l); err != nil {
			return err
		}
		if len(e.buffer) >= partSize {
			if err := write(); err != nil {
				return err
			}
		}
	}
	return write()
}

// maxReport is how many records a report has at most.
const maxReport = 1000

// reportPage is the data of a report for printing.
type reportPage struct {
	Days     []reportDay
	Manifest string
	Facts    []fact
}

// reportDay has the records of a day.
type reportDay struct {
	Title, Machine string
	Records        []reportRecord
}

// reportRecord is a record, with what it changed.
type reportRecord struct {
	row

	Changes []changeView
}

// report returns a page for printing, with a manifest. Its hash is that of the records as JSON
// lines.
func (v *visit) report(f query.Filter, plan report.Plan, attempt *audit.Attempt) (*content, error) {
	plan.Format = "jsonl"
	e, err := v.newExported(plan)
	if err != nil {
		return nil, err
	}
	e.manifest.File = "report"
	var data reportPage
	records, more, partial, err := v.find(f, maxReport)
	for _, r := range records {
		var l query.Line
		if err == nil {
			l, err = query.LineOf(r)
		}
		if err == nil {
			err = e.add(&l)
		}
	}
	e.take()
	switch {
	case err != nil:
	case v.ctx.Err() != nil:
		err = errSlow
	case more:
		err = problemf(http.StatusRequestEntityTooLarge, "This is too much for a report", "%s", v.language.phrase("A report has at most %s records. Narrow the filter, or export CSV or JSON lines.", number(maxReport)))
	case partial:
		err = errBroken
	}
	if ended := v.endExport(attempt, &e.manifest, err); ended != nil {
		v.onError(v.ctx, ended)
		return nil, errUnrecorded
	}
	if err != nil {
		return nil, err
	}
	e.manifest.Complete = true
	manifest, err := json.MarshalIndent(&e.manifest, "", "  ")
	if err != nil {
		return nil, err
	}
	data.Manifest = visible(string(manifest))
	data.Days = v.reportDays(records)
	data.Facts = v.reportFacts(f, e.manifest)
	return &content{template: "report.html", Title: v.language.word("Report"), Data: data}, nil
}

// reportDays groups records by day, with what they changed.
func (v *visit) reportDays(records []*record.Record) []reportDay {
	var days []reportDay
	for _, d := range v.days(records, false) {
		one := reportDay{Title: d.Title, Machine: d.Machine}
		for _, r := range d.Rows {
			one.Records = append(one.Records, reportRecord{row: r, Changes: v.changes(records[0], nil)})
			records = records[1:]
		}
		days = append(days, one)
	}
	return days
}

// reportFacts says which records a report has, for whom, and when it was made.
func (v *visit) reportFacts(f query.Filter, m report.Manifest) []fact {
	t := v.language.word
	var group factGroup
	group.add(t("Trail"), false, text(strings.Join(v.sourceNames(), ", ")))
	for _, name := range v.names() {
		if slices.Contains([]string{"format", "since", "until", "on"}, name) || slices.Contains(otherParams, name) {
			continue
		}
		for _, value := range v.params[name] {
			group.add(t(chipName(name)), false, text(value))
		}
	}
	if !f.Since.IsZero() {
		group.add(t("Since"), false, text(v.moment(f.Since).Full))
	}
	group.add(t("Until"), false, text(v.moment(f.Until).Full))
	group.add(t("Records"), false, text(number(m.Records)))
	group.add(t("Times in"), false, text(v.clock.Zone.String()))
	group.add(t("Made for"), false, text(m.By))
	if m.Plan.Part {
		group.add(t("Limited"), false, text(t("Records and fields that this person may not see are left out.")))
	}
	group.add(t("Made at"), false, text(v.moment(v.clock.Now).Full))
	group.add("SHA-256", true, text(m.SHA256))
	return group.Facts
}
