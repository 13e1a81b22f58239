package auditrepo

import "context"

type callKey struct{}

// SetUnchanged says, from inside a store, that the call under way did nothing: the value
// that it was to create existed already, as with ON CONFLICT DO NOTHING, or nothing matched.
// The call is recorded as a failure without changes, and its result is not changed. ctx is
// the context that the store got, or one made from it. Without a call that is recorded,
// SetUnchanged does nothing.
//
//	result, err := s.db.ExecContext(ctx, "INSERT ... ON CONFLICT DO NOTHING", article.ID)
//	if err != nil {
//		return err
//	}
//	if n, err := result.RowsAffected(); err == nil && n == 0 {
//		auditrepo.SetUnchanged(ctx)
//	}
func SetUnchanged(ctx context.Context) {
	if call, ok := ctx.Value(callKey{}).(interface{ SetUnchanged() }); ok {
		call.SetUnchanged()
	}
}
