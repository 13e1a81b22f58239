package viewer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/record"
)

// proofView is the proof of a record, or why it has none.
type proofView struct {
	Note  string // why the record has no proof, or ""
	Bad   bool   // the proof should exist, and does not verify
	Facts []fact
	Href  string // the address of the file, or ""
}

// proofBudget is how long the page of a record may look for its proof. Without an index, the seal
// is searched from its newest entry back.
const proofBudget = 250 * time.Millisecond

// proofs shows the proofs of records with one ID.
func (v *visit) proofs(id audit.ID, records []*record.Record, views []recordView) {
	why := v.whyNoProofs()
	var stored map[string]string
	if why == "" {
		stored, _ = v.entries(id) // of a record that could not be read again, the page says so
	}
	for i, r := range records {
		if views[i].Proof.Note = why; why == "" {
			views[i].Proof = v.proofView(r, stored)
		}
	}
}

// whyNoProofs says why no record has a proof here, or "".
func (v *visit) whyNoProofs() string {
	switch {
	case len(v.provers) == 0:
		return v.language.word("This viewer shows no proofs. For a record of a sealed ledger, deed prove makes one that anybody can check.")
	case !v.reader.Whole():
		return v.language.word("A proof has the whole record, and you see a part of it. Ask whoever runs this service for the proof.")
	}
	return ""
}

// entries returns records as the store has them, by their JSON of today. The error is about those
// that could not be read.
func (v *visit) entries(id audit.ID) (map[string]string, error) {
	stored := map[string]string{}
	var problem error
	for line, err := range query.Lines(v.ctx, v.reader, query.Filter{IDs: []audit.ID{id}}) {
		var r record.Record
		if err == nil {
			err = r.UnmarshalJSON([]byte(line.JSON))
		}
		var today query.Line
		if err == nil {
			today, err = query.LineOf(&r)
		}
		if err != nil {
			problem = err
			continue
		}
		stored[today.JSON] = line.JSON
	}
	return stored, problem
}

func (v *visit) proofView(r *record.Record, stored map[string]string) (view proofView) {
	line, err := query.LineOf(r)
	entry, ok := stored[line.JSON]
	if err != nil || !ok {
		return proofView{Note: v.language.word("The record could not be read again. Open the page again.")}
	}
	ctx, cancel := context.WithTimeout(v.ctx, proofBudget)
	defer cancel()
	proof, err := v.prove(ctx, []byte(entry))
	t := v.language.word
	params := url.Values{"id": {r.ID.String()}}
	if len(stored) > 1 {
		params.Set("sum", sumOf(entry))
	}
	view.Href = v.address("proof", params)
	switch {
	case errors.Is(err, ErrNotSealed):
		return proofView{Note: t("No checkpoint covers this record. If it is new, open the page again in a moment.")}
	case errors.Is(err, context.DeadlineExceeded):
		view.Note = t("The record is old, so its proof takes some seconds.")
		return view
	case err != nil:
		v.onError(v.ctx, err)
		return proofView{Bad: true, Note: t("The seal does not prove this record. Tell whoever runs this service: its log says why, and deed verify says what was altered.")}
	}
	var group factGroup
	c := &proof.Checkpoint
	group.add(t("Sealed"), false, text(t("Yes. The record is as it was when it was sealed: its proof was checked just now.")))
	group.add(t("Checkpoint"), false, text(v.covers(c)+v.language.phrase("; this record is number %s", number(proof.Leaf+1))))
	if !c.Stored.IsZero() {
		at := v.moment(c.Stored)
		group.add(t("Checkpoint made"), false, text(at.Ago+", "+at.Full))
	}
	group.add(t("Signed by"), true, text(c.KeyName))
	group.add(t("Ledger"), true, text(c.Origin))
	view.Facts = group.Facts
	return view
}

// prove asks the ledgers one after the other. The error matches ErrNotSealed only if none of
// them has a problem.
func (v *visit) prove(ctx context.Context, entry []byte) (Proof, error) {
	var problem error
	for _, p := range v.provers {
		proof, err := p.Prove(ctx, entry)
		if err == nil {
			return proof, nil
		}
		if problem == nil || !errors.Is(err, ErrNotSealed) {
			problem = err
		}
	}
	return Proof{}, problem
}

// sumOf distinguishes records with one ID.
func sumOf(entry string) string {
	sum := sha256.Sum256([]byte(entry))
	return hex.EncodeToString(sum[:8])
}

// proof serves the proof of a record as a file.
func (v *visit) proof() (*content, error) {
	id, err := ask.ID(v.params.Get("id"))
	if err != nil || id.IsZero() {
		return nil, errNoRecord
	}
	if why := v.whyNoProofs(); why != "" {
		return nil, problemf(http.StatusNotFound, "There is no proof here", "%s", why)
	}
	if wait := v.limits.take(actorText(&v.actor)); wait > 0 {
		return nil, v.tooMany(wait)
	}
	if err := v.look(query.Filter{IDs: []audit.ID{id}}, false); err != nil {
		return nil, err
	}
	entries, err := v.entries(id)
	if len(entries) == 0 && err != nil {
		return nil, err
	}
	problem := errNoRecord
	for _, entry := range entries {
		if v.params.Has("sum") && v.params.Get("sum") != sumOf(entry) {
			continue // its twin
		}
		proof, err := v.prove(v.ctx, []byte(entry))
		switch {
		case err == nil:
			h := v.w.Header()
			h.Set("Content-Type", "text/plain; charset=utf-8")
			h.Set("Content-Disposition", `attachment; filename="`+id.String()+`.tlog-proof"`)
			_, _ = v.w.Write(proof.Text) // the client may be gone
			return nil, nil
		case errors.Is(err, ErrNotSealed):
			problem = problemf(http.StatusNotFound, "There is no proof yet", "No checkpoint covers this record. If it is new, try again in a moment.")
		case v.ctx.Err() != nil:
			problem = errSlow
		default:
			v.onError(v.ctx, err)
			problem = problemf(http.StatusInternalServerError, "The seal does not prove this record", "Tell whoever runs this service: its log says why, and deed verify says what was altered.")
		}
	}
	return nil, problem
}
