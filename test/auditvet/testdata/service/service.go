// Package service is what handlers call.
package service

import (
	"context"

	"github.com/opendeed/audit"
)

// Rename sets the target.
func Rename(ctx context.Context, id string) {
	audit.SetTarget(ctx, audit.Target{Type: "article", ID: id})
}

// RenameAll sets it by another function.
func RenameAll(ctx context.Context) { Rename(ctx, "1") }

// Load does not.
func Load(ctx context.Context, id string) error { return ctx.Err() }

// Store is implemented by nobody knows whom.
type Store interface {
	Save(ctx context.Context) error
}

// Save calls it.
func Save(ctx context.Context, s Store) error { return s.Save(ctx) }
