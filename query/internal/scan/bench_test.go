package scan_test

import (
	"testing"

	"github.com/opendeed/audit/query/internal/scan"
)

const usual = `{"action":"invoice.update","actor":{"auth_method":"oauth2","id":"user-4711","name":"Ada Lovelace","roles":["editor","support"],"session_id":"9f86d081884c7d65","type":"user"},"changes":[{"field":"title","new":"Final 4711","old":"Draft 4711"},{"field":"price","new":2100,"old":1200}],"channel":"api","id":"0199c1f2-0000-7000-8000-000000000003","kind":"intent","metadata":{"client.address":"203.0.113.9","http.request.method":"PATCH","http.response.status_code":200,"http.route":"/api/v1/invoices/:id"},"observed_time":"2026-11-20T14:30:00.000000000Z","operation":"update","outcome":"success","resource":{"deployment.environment.name":"production","service.name":"shop","service.version":"1.42.0"},"span_id":"00f067aa0ba902b7","target":{"id":"100123","name":"Spring collection","type":"invoice"},"tenant":"tenant-4","time":"2026-11-20T14:30:00.000000000Z","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","tracker":{"name":"example.com/shop/articles","version":"1.2.0"}}`

func BenchmarkRecord(b *testing.B) {
	var c scan.Scanner
	var m scan.Record
	b.SetBytes(int64(len(usual)))
	for b.Loop() {
		if !c.Record(usual, &m) {
			b.Fatal("it must be scanned")
		}
	}
}
