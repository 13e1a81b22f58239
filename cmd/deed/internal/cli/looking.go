package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// How long another deed may hold the ledger of --record-to, and how long it may take to write
// to it.
const (
	recordLockWait = 10 * time.Second
	recordTimeout  = 10 * time.Second
)

// recordLooking records that somebody looks at records, before any is shown. If a policy
// demands that record and there is no place for it, the command is refused.
func (a *app) recordLooking(ctx context.Context, cmd *cobra.Command, set *source.Set, filter *query.Filter) error {
	if a.recordTo == "" {
		if rule := demanding(set.Policies, cmd.CommandPath()); rule != "" {
			return usagef("the policy %sdemands a record of who looks; name the ledger for it with --record-to", rule)
		}
		return nil
	}
	event, err := a.lookingEvent(cmd, set, filter)
	if err != nil {
		return err
	}
	if err := a.recordEvent(ctx, set, event); err != nil {
		return fmt.Errorf("nothing was shown, since it could not be recorded: %w", err)
	}
	return nil
}

// recordExport records that an export is complete. What is its name for people. The metadata says
// what it has.
func (a *app) recordExport(ctx context.Context, cmd *cobra.Command, set *source.Set, filter *query.Filter, what string, metadata ...attribute.KeyValue) error {
	if a.recordTo == "" {
		return nil
	}
	event, err := a.lookingEvent(cmd, set, filter)
	if err != nil {
		return err
	}
	event.Action = semconv.ActionTrailExport
	event.Metadata = append(event.Metadata, metadata...)
	if err := a.recordEvent(ctx, set, event); err != nil {
		return fmt.Errorf("%s is complete, but only its beginning is recorded, not its end: %w", what, err)
	}
	return nil
}

// demanding returns words for the policy that demands a record of a command, or "". A rule
// does so for requests: its routes match commands such as "deed export", its channels cli.
func demanding(policies []*policy.Policy, command string) string {
	for _, p := range policies {
		if required, _, matched := p.Coverage("", command, semconv.ChannelCLI); required && matched {
			return "of the configuration "
		}
	}
	return ""
}

func (a *app) lookingEvent(cmd *cobra.Command, set *source.Set, filter *query.Filter) (audit.Event, error) {
	line, err := json.Marshal(filter)
	if err != nil {
		return audit.Event{}, err
	}
	actor, login := osUser()
	event := audit.Event{
		Action: semconv.ActionTrailRead, Operation: audit.OperationRead, Outcome: audit.OutcomeSuccess, Actor: actor, Reason: a.purpose,
		Target: audit.Target{Type: "audit.trail", ID: strings.Join(set.Names, " ")},
		Metadata: []attribute.KeyValue{
			semconv.TrailCommandKey.String(cmd.CommandPath()), semconv.TrailSourcesKey.StringSlice(set.Names), semconv.TrailFilterKey.String(string(line)),
		},
	}
	if login != "" {
		event.Metadata = append(event.Metadata, semconv.TrailLoginKey.String(login))
	}
	return event, nil
}

// recordEvent writes an event to the ledger of --record-to.
func (a *app) recordEvent(ctx context.Context, set *source.Set, event audit.Event) (err error) {
	provider, err := a.openRecord(set.Dirs, set.Policies)
	if err != nil {
		return err
	}
	// An interrupt must not leave a look without its record.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	defer func() { err = errors.Join(err, provider.Shutdown(ctx)) }()
	tracker := provider.Tracker(trackerName)
	err = audit.Run(ctx, func(ctx context.Context) error { return tracker.Track(ctx, event) }, audit.WithChannel(semconv.ChannelCLI))
	if err != nil {
		return fmt.Errorf("--record-to: %w", err)
	}
	return nil
}

// trackerName names the instrumentation in records.
const trackerName = "github.com/opendeed/audit/cmd/deed"

// openRecord opens the ledger of --record-to, which must be none of the directories. Its events must
// satisfy the policies of all configurations.
func (a *app) openRecord(dirs []string, policies []*policy.Policy) (*sdk.TrackerProvider, error) {
	for _, dir := range dirs {
		if sameDir(dir, a.recordTo) {
			return nil, usagef("--record-to: %s is the trail that is asked; name another ledger, since each has one writer", a.recordTo)
		}
	}
	if err := checkNewLedger("record-to", a.recordTo); err != nil {
		return nil, err
	}
	opts := append(ownOptions(), sdk.WithLedger(a.recordTo, ledger.WithLockWait(recordLockWait), ledger.WithScrub(0)))
	if len(policies) > 0 {
		first, err := withoutExporters(policies[0])
		if err != nil {
			return nil, fmt.Errorf("--record-to: %w", err)
		}
		opts = append(opts, sdk.WithPolicy(first), sdk.WithProcessor(otherPolicies(policies[1:])))
	}
	provider, err := sdk.NewTrackerProvider(opts...)
	switch {
	case errors.Is(err, ledger.ErrLocked):
		return nil, fmt.Errorf("--record-to: %s is open in another process; name a ledger of its own for deed", a.recordTo)
	case err != nil:
		return nil, fmt.Errorf("--record-to: %w", err)
	}
	return provider, nil
}

// checkNewLedger rejects the directory of a flag in which deed would make a ledger among other
// files, such as those of archives: whoever asks that directory would then get the ledger only.
func checkNewLedger(flag, dir string) error {
	entries, _ := os.ReadDir(dir) // whoever opens the ledger reports why it cannot be read
	others := false
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "lock", name == "state", filepath.Ext(name) == ".segment":
			return nil
		case name != "lost+found" && name[0] != '.':
			others = true
		}
	}
	if others {
		return usagef("--%s: %s has other files, and no ledger; name the directory of a ledger, or a new one", flag, dir)
	}
	return nil
}

// ownOptions returns what all providers of deed have in common.
func ownOptions() []sdk.Option {
	host, _ := os.Hostname() // a record without it is better than none
	return []sdk.Option{
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "deed"), attribute.String("service.version", version()), attribute.String("host.name", host))),
		sdk.WithLogger(slog.New(slog.DiscardHandler)), // errors are returned
	}
}

// withoutExporters returns a policy whose rules send no record to exporters: those are of the
// service, and deed has none.
func withoutExporters(p *policy.Policy) (*policy.Policy, error) {
	rules := p.Rules()
	for i := range rules {
		rules[i].Exporters = nil
	}
	return policy.New(rules...)
}

// otherPolicies rejects events that a policy rejects, since a provider has one policy only.
type otherPolicies []*policy.Policy

// Process implements sdk.Processor. The end of an attempt may not be rejected: its beginning, with
// the same reason, was accepted.
func (o otherPolicies) Process(ctx context.Context, r *record.Record, next sdk.Next) error {
	if r.Attempt.IsZero() || r.BeginsAttempt() {
		for _, p := range o {
			if rule, problems := p.Explain(&r.Event, r.Channel); len(problems) > 0 {
				return &sdk.PolicyError{Rule: rule, Problems: problems}
			}
		}
	}
	return next(ctx, r)
}

// sameDir reports whether both paths lead to one directory.
func sameDir(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
