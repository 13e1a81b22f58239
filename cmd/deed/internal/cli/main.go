// Package cli has the commands of deed, each in a file of its name.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query"
	"github.com/spf13/cobra"
)

// The exit codes. They are part of what a script relies on.
const (
	exitDone        = 0   // done; a question has an answer
	exitNothing     = 1   // done; nothing was found, as grep says it
	exitUsage       = 2   // the command line is wrong; nothing was done
	exitFailed      = 3   // it failed, or the answer is incomplete; the reason is on standard error
	exitNotSealed   = 4   // a ledger or a proof is not what was sealed
	exitGaps        = 5   // something is missing in a trail
	exitInterrupted = 130 // it was interrupted
)

// exitCodes are the exit codes, for people.
const exitCodes = "0 done, 1 nothing found, 2 wrong usage, 3 failed or incomplete, 4 not what was sealed, 5 gaps in the trail, 130 interrupted"

// errNothing means that nothing was found. It is no failure. A terminal gets a note.
var errNothing = errors.New("nothing found")

// usageError is an error of the command line.
type usageError struct{ err error }

// Error returns the text of the error.
func (e usageError) Error() string { return e.err.Error() }

// Unwrap returns the error.
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Main runs deed with the arguments of the process, and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { // a second signal ends the process at once
		<-ctx.Done()
		stop()
	}()
	a := &app{stdout: os.Stdout, stderr: os.Stderr}
	root := a.root()
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	return a.report(ctx, command, err)
}

// report prints the error and returns the exit code for it.
func (a *app) report(ctx context.Context, command *cobra.Command, err error) int {
	if errors.Is(err, errNothing) {
		if a.forPeople() {
			a.note("-- nothing was found")
		}
		return exitNothing
	}
	if errors.Is(err, errNotSealed) {
		a.complain(err)
		return exitNotSealed
	}
	if errors.Is(err, errGaps) {
		a.complain(err)
		return exitGaps
	}
	if ctx.Err() != nil {
		if err.Error() != context.Cause(ctx).Error() && err.Error() != ctx.Err().Error() { // such as what is left half done
			a.complain(err)
		}
		a.say("deed: interrupted")
		return exitInterrupted
	}
	_, isFilter := errors.AsType[*query.FilterError](err)
	if _, isUsage := errors.AsType[usageError](err); isUsage || isFilter {
		a.complain(err)
		if command.Name() == "help" {
			command = command.Root()
		}
		a.say("Try: %s --help", command.CommandPath())
		return exitUsage
	}
	a.complain(err)
	return exitFailed
}

// say prints a line on standard error.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, format+"\n", args...) // there is nobody else to tell
}

// complain prints an error in lines that cannot harm the terminal.
func (a *app) complain(err error) {
	for line := range strings.Lines(err.Error()) {
		a.say("deed: %s", term.Clean(strings.TrimRight(line, "\n")))
	}
}
