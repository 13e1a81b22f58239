package semconv

// Standard actions.
const (
	// ActionUserLogin is a user's log-in, by its outcome successful or refused.
	ActionUserLogin = "user.login"
	// ActionUserLogout is a user's log-out.
	ActionUserLogout = "user.logout"
	// ActionAccessDenied is a request that was refused and that nothing else
	// recorded.
	ActionAccessDenied = "access.denied"
	// ActionCoverageMissing is a request that changed something, for all that is known,
	// and left no trace of its own.
	ActionCoverageMissing = "audit.coverage.missing"
)

// Standard channels: the ways by which an actor comes.
const (
	ChannelAPI    = "api"
	ChannelAdmin  = "admin"
	ChannelWeb    = "web"
	ChannelJob    = "job"
	ChannelCLI    = "cli"
	ChannelSystem = "system"
)
