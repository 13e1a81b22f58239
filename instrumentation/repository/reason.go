package auditrepo

import "context"

type reasonKey struct{}

// ContextWithReason says why what is done with the context is done: it is the reason
// of every event of a decorated store, and of Do where the event states none.
func ContextWithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey{}, reason)
}

func reasonOf(ctx context.Context) string {
	reason, _ := ctx.Value(reasonKey{}).(string)
	return reason
}
