package viewer_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/test/viewer/trail"
	"github.com/stretchr/testify/require"
)

// shots are all pages, by name.
func shots() map[string]string {
	records := trail.Records(1, days, now)
	newest, edited := records[len(records)-1], records[len(records)-1]
	for _, r := range records {
		if r.Target.ID == trail.Featured.ID {
			newest = r
			if len(r.Changes) > 0 && r.Changes[0].Field == "body" {
				edited = r
			}
		}
	}
	return map[string]string{
		"older": "?after=" + query.CursorOf(records[len(records)-100]), "counted": "?outcome=success&count=all", "foreign": "foreign",
		"timeline": "", "filtered": "?outcome=denied&since=7d", "empty": "?text=nothing+has+this",
		"record": "record?id=" + edited.ID.String(), "record-short": "record?id=" + newest.ID.String(), "record-erased": movedRecord(trail.Erased),
		"problem": "?since=whenever", "object": "object?type=article&id=" + trail.Featured.ID, "actor": "actor?actor=user/alice",
		"object-asof": "object?type=article&id=" + trail.Featured.ID + "&asof=2026-11-25", "security": "security?since=7d", "health": "health",
		"report": "export?format=report&target=article/" + trail.Featured.ID, "tenants": invoiceOfSeveral(records),
	}
}

// invoiceOfSeveral returns the address of the page of an invoice that several tenants have.
func invoiceOfSeveral(records []*record.Record) string {
	tenants := map[string]string{}
	for _, r := range records {
		if r.Target.Type == "invoice" && tenants[r.Target.ID] != "" && tenants[r.Target.ID] != r.Tenant {
			return "object?type=invoice&id=" + r.Target.ID
		}
		tenants[r.Target.ID] = r.Tenant
	}
	return ""
}

// appearance is a width, and light or dark.
type appearance struct {
	width  int64
	scheme string
}

// looks are the appearances in which pages are looked at, and for screenshots two more.
func looks() []appearance {
	all := []appearance{{360, "dark"}, {360, "light"}, {1280, "dark"}, {1280, "light"}}
	if os.Getenv("AUDIT_SCREENSHOTS") != "" {
		all = append(all, appearance{768, "light"}, appearance{1920, "light"})
	}
	return all
}

// whole are the pages whose screenshots reach to the end of the page.
var whole = map[string]bool{"record-erased": true}

// shoot writes a screenshot into the directory AUDIT_SCREENSHOTS, if it is set.
func (tab tab) shoot(name string, width int64, scheme string) {
	tab.t.Helper()
	dir := os.Getenv("AUDIT_SCREENSHOTS")
	if dir == "" {
		return
	}
	if whole[name] {
		height := eval[int64](tab, `document.documentElement.scrollHeight`)
		call(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600})
	}
	png, err := chromedp.Run(tab.ctx, chromedp.CaptureScreenshot())
	require.NoError(tab.t, err)
	require.NoError(tab.t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), png, 0o600))
}
