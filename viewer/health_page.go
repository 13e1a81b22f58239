package viewer

import (
	"net/http"
	"time"

	"github.com/opendeed/audit/query"
)

// healthPage is the data of the state of the pipeline.
type healthPage struct {
	Problem   string // what is wrong, or ""
	Marked    bool   // something below is wrong
	Facts     []fact
	Seals     []sealView
	Exporters []exporterView
}

// sealView is how far a ledger is sealed.
type sealView struct {
	Problem string // why it is not known, or ""
	Altered string // what was altered, or ""
	Facts   []fact
}

// exporterView is the state of an exporter.
type exporterView struct {
	Name, Undelivered, DeadLetters string
	Oldest                         moment
	Late, Rejects                  bool
}

// lateAfter is how old the oldest undelivered record may be before the page marks it.
const lateAfter = 5 * time.Minute

func (v *visit) healthPage() (*content, error) {
	if !v.hasHealth() {
		return nil, errNotFound
	}
	if err := v.look(query.Filter{}, false); err != nil {
		return nil, err
	}
	h, err := v.health(v.ctx)
	if err != nil {
		v.onError(v.ctx, err)
		return nil, problemf(http.StatusInternalServerError, "The state of the pipeline is not known", "Try again. If that fails too, tell whoever runs this service; its log says why.")
	}
	t := v.language.word
	var data healthPage
	if h.Err != nil {
		data.Problem = visible(h.Err.Error())
	}
	group := factGroup{}
	if h.Records > 0 {
		group.add(t("Records"), false, text(number(h.Records)))
	}
	if h.Bytes > 0 {
		group.add(t("Space"), false, text(bytesText(h.Bytes)))
	}
	switch {
	case h.LastScrub.IsZero() && h.Records > 0:
		group.add(t("Last full check"), false, text(t("not known yet; the service that writes the ledger checks it in the background, and deed ledger scrub checks it now")))
	case !h.LastScrub.IsZero():
		at := v.moment(h.LastScrub)
		group.add(t("Last full check"), false, text(at.Ago+", "+at.Full))
	}
	switch {
	case h.Damaged > 0:
		data.Marked = true
		group.add(t("Damage"), false, text(v.language.amount(int64(h.Damaged), "1 damaged part; deed ledger scrub names it", "%s damaged parts; deed ledger scrub lists them")))
	case !h.LastScrub.IsZero():
		group.add(t("Damage"), false, text(t("none")))
	}
	data.Facts = group.Facts
	for _, p := range v.provers {
		seal := v.sealView(p)
		data.Seals, data.Marked = append(data.Seals, seal), data.Marked || seal.Problem != "" || seal.Altered != ""
	}
	for _, e := range h.Exporters {
		view := exporterView{Name: visible(e.Name), Undelivered: number(e.Undelivered), DeadLetters: number(e.DeadLetters), Rejects: e.DeadLetters > 0}
		if !e.Oldest.IsZero() && e.Undelivered > 0 {
			view.Oldest, view.Late = v.moment(e.Oldest), v.clock.Now.Sub(e.Oldest) > lateAfter
		}
		data.Exporters, data.Marked = append(data.Exporters, view), data.Marked || view.Late || view.Rejects
	}
	return &content{template: "health.html", Title: t("Health"), Data: data}, nil
}

// covers says how many entries a checkpoint covers.
func (v *visit) covers(c *Checkpoint) string {
	return v.language.amount(c.Size, "covers 1 entry", "covers %s entries")
}

// sealView asks a ledger how far it is sealed.
func (v *visit) sealView(p Prover) (view sealView) {
	s, err := p.Seal(v.ctx)
	t := v.language.word
	if err != nil {
		v.onError(v.ctx, err)
		view.Problem = t("It is not known how far this ledger is sealed: its checkpoint could not be read, or no trusted key has signed it. The log of this service says why.")
		return view
	}
	if s.Findings > 0 {
		view.Altered = v.language.amount(s.Findings, "The ledger is not what was sealed: 1 difference. deed verify names it.", "The ledger is not what was sealed: %s differences. deed verify names them.")
	}
	var group factGroup
	group.add(t("Ledger"), true, text(s.Ledger))
	group.add(t("Newest checkpoint"), false, text(v.covers(&s.Checkpoint)))
	if !s.Checkpoint.Stored.IsZero() {
		at := v.moment(s.Checkpoint.Stored)
		group.add(t("Checkpoint made"), false, text(at.Ago+", "+at.Full))
	}
	group.add(t("Signed by"), true, text(s.Checkpoint.KeyName))
	unsealed := t("none")
	if s.Unsealed > 0 {
		unsealed = v.language.amount(s.Unsealed, "1 entry", "%s entries")
	}
	group.add(t("Not sealed yet"), false, text(unsealed))
	verified := t("not since this viewer started; deed verify compares the ledger with what was sealed")
	if !s.Verified.IsZero() {
		at := v.moment(s.Verified)
		verified = at.Ago + ", " + at.Full
	}
	group.add(t("Verified"), false, text(verified))
	view.Facts = group.Facts
	return view
}
