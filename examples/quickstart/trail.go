package main

import (
	"context"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
)

// showTrail prints the records of the ledger, oldest first. It works while the service runs
// and after it was killed.
func showTrail(ctx context.Context, dir string, exporter export.Exporter) error {
	reader, err := ledgerquery.NewReader(dir)
	if err != nil {
		return err
	}
	for r, err := range reader.Find(ctx, query.Filter{Ascending: true}) {
		if err != nil {
			return err
		}
		if err := exporter.Export(ctx, []*record.Record{r}); err != nil {
			return err
		}
	}
	return exporter.Shutdown(ctx)
}
