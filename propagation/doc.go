// Package propagation carries the audit context across processes, so that a job that a
// queue runs later records the person who requested it.
//
//	// In the service, the token goes into a header of the message.
//	token, err := propagation.Marshal(ctx, key, "mailer", 24*time.Hour)
//	...
//
//	// In the worker, it opens the scope of the job.
//	ctx, scope, err := propagation.Unmarshal(ctx, token, "mailer", keys)
//	if err != nil {
//		return err // the message does not prove who wanted this
//	}
//	defer func() { err = errors.Join(err, scope.End(ctx)) }()
//
// A token holds the actor, the tenant and the metadata of a scope. It is signed with
// HMAC-SHA-256 and bound to an audience and a lifetime, but it is not encrypted:
// whoever reads the queue can read it. It is compact ASCII text, safe in a header.
//
// docs/context-token.md describes the format, with test vectors, and what a token does
// and does not protect. For a goroutine of the same process, use [audit.Detach].
package propagation
