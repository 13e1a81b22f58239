// Auditvet finds mistakes in code that records audit events. It is a tool for go vet:
//
//	go install github.com/opendeed/audit/cmd/auditvet@latest
//	go vet -vettool="$(which auditvet)" ./...
//
// It has four checks:
//
//   - discarded: the error of Track or of one of its siblings is discarded
//   - notarget: a route intent whose target nobody sets
//   - repeatedkey: a metadata key that is set twice at one place
//   - untagged: a diff of a type that has no audit tag, which records nothing
//
// "auditvet help notarget" describes a check, with the wrong line and the right one.
// "go vet -vettool=... -notarget=false" runs all others.
//
// A check reports what is certainly wrong, and nothing when it cannot know: a handler in
// another package may set the target, and an option in a variable may name the fields. Test
// files are not checked, because a test sees what was recorded.
package main

import (
	"github.com/opendeed/audit/cmd/auditvet/internal/checks"
	"golang.org/x/tools/go/analysis/unitchecker"
)

func main() { unitchecker.Main(checks.All()...) }
