package request

import "github.com/opendeed/audit"

// RequireTracker returns t. It panics if t is nil, as http.ServeMux does for a nil handler: a
// service that starts without it would record nothing, and fail after its handlers have run.
// option names the function that got t, such as "audithttp.Intent".
func RequireTracker(t audit.Tracker, option string) audit.Tracker {
	if t == nil {
		panic(option + ": the tracker is nil; make it before the routes, with Tracker of the provider or of audit.GetTrackerProvider()")
	}
	return t
}
