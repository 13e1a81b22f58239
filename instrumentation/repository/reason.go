package auditrepo

import "context"

type reasonKey struct{}

// ContextWithReason returns a context whose store calls are recorded with reason. Do
// uses it for events without a reason of their own.
func ContextWithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey{}, reason)
}

func reasonOf(ctx context.Context) string {
	reason, _ := ctx.Value(reasonKey{}).(string)
	return reason
}
