package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/opendeed/audit/examples/internal/drive"
)

// development expects the trail as text on stdout.
func (d *demo) development(ctx context.Context) error {
	s, err := d.start(ctx, "development")
	if err != nil {
		return err
	}
	if err := sendRequests(ctx, s.port); err != nil {
		s.kill()
		return err
	}
	stopped := s.stop()
	fmt.Printf("\n%s", s.stdout.String())
	return errors.Join(stopped, drive.Trail{
		Has: []string{
			`denied +user\.login`, `denied +access\.denied`, `success +user\.login`, `success +account\.read`,
			`success +account\.close +user alice via password`, `reason: moved abroad`, `denied +account\.close`, `redacted: metadata\.iban`,
		},
		Counts:  map[string]int{"account.close": 2, "account.read": 2},
		Secrets: secrets,
	}.Check(s.stdout.String()))
}
