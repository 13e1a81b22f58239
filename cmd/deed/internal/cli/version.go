package cli

import "runtime/debug"

// Version is the version of a release. make dist sets it.
var Version string

// version returns the version of this program.
func version() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "(development)"
}
