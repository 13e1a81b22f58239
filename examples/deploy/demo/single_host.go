package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opendeed/audit/examples/internal/drive"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
)

// singleHost kills the service, starts it again, and expects the trail of both runs in the
// ledger.
func (d *demo) singleHost(ctx context.Context) error {
	ledger := filepath.Join(d.dir, "single-host")
	for _, restart := range []bool{false, true} {
		s, err := d.start(ctx, "single-host", "AUDIT_LEDGER_DIR="+ledger)
		if err != nil {
			return err
		}
		if err := sendRequests(ctx, s.port); err != nil {
			s.kill()
			return err
		}
		if restart {
			if err := s.stop(); err != nil {
				return err
			}
			break
		}
		s.kill()
		fmt.Println("-- kill -9, then a restart")
	}
	reader, err := ledgerquery.NewReader(ledger)
	if err != nil {
		return err
	}
	trail, err := textOf(ctx, reader)
	fmt.Printf("\n%s", trail)
	return errors.Join(err, drive.Trail{
		Has:     []string{`denied +user\.login`, `success +account\.close`, `reason: moved abroad`, `denied +account\.close`},
		Counts:  map[string]int{"account.close": 4, "account.read": 4, "access.denied": 2},
		Secrets: secrets,
	}.Check(trail))
}

// textOf returns the records of a reader as text, oldest first.
func textOf(ctx context.Context, reader query.Reader) (string, error) {
	var out bytes.Buffer
	text, err := stdout.New(stdout.WithWriter(&out), stdout.WithText())
	if err != nil {
		return "", err
	}
	for r, err := range reader.Find(ctx, query.Filter{Ascending: true}) {
		if err != nil {
			return "", err
		}
		if err := text.Export(ctx, []*record.Record{r}); err != nil {
			return "", err
		}
	}
	return out.String(), text.Shutdown(ctx)
}
