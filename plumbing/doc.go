// Package plumbing has the parts of package audit that SDKs and instrumentation need, and
// applications do not.
//
// An SDK implements audit.Tracker. For each event it calls [Resolve], which finds the actor
// and the rest of the audit context, and [Resolved.Done] when the event is recorded or
// rejected. It may implement [Checker] and [Reporter].
//
// Instrumentation opens a scope for a unit of work, and tracks events of what has been done
// already under [Afterwards]. Instrumentation of HTTP and RPC frameworks uses package
// instrumentation/request, which does all of that.
package plumbing
