package viewer_test

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/test/viewer/trail"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// movedRecord returns the address of the page of the record that a patient moved.
func movedRecord(patient audit.Target) string {
	for _, r := range trail.Records(1, days, now) {
		if r.Target == patient && r.Action == "patient.move" {
			return "record?id=" + r.ID.String()
		}
	}
	return ""
}

// TestErasableValues opens the records of two patients with erasable addresses. The page says
// that they are, and of the one that was erased when and by whom. Neither shows what is encrypted
// outside of the JSON.
func TestErasableValues(t *testing.T) {
	base := serve(t, richReader())
	tab := newTab(t, openBrowser(t))
	const changes, marks = `document.querySelector(".changes").textContent`, `document.querySelector(".facts.wide").textContent`
	tab.open(base + movedRecord(trail.Erasable))
	assert.Contains(t, eval[string](tab, marks), "It is erasable")
	assert.Contains(t, eval[string](tab, changes), "erasable")
	assert.NotContains(t, eval[string](tab, changes), "erasable:1:")

	tab.open(base + movedRecord(trail.Erased))
	assert.Contains(t, eval[string](tab, marks), "It was erased on")
	assert.NotContains(t, eval[string](tab, marks), "masked")
	assert.Contains(t, eval[string](tab, changes), "erased")
	tab.open(eval[string](tab, `document.querySelector(".facts.wide a").href`))
	require.Contains(t, eval[string](tab, `document.querySelector("article.record").textContent`), "request 17 of the patient")
}
