package cli

import (
	"context"
	"errors"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/attribute"
)

// recorded calls do with a tracker to the ledger of --record-to, and a context with the user of
// the operating system as the actor. Without such a ledger it refuses.
func (a *app) recorded(cmd *cobra.Command, dirs []string, policies []*policy.Policy, do func(context.Context, audit.Tracker) error) error {
	if a.recordTo == "" {
		return usagef("name the ledger for the record of this with --record-to; nothing is done without it")
	}
	provider, err := a.openRecord(dirs, policies)
	if err != nil {
		return err
	}
	return a.acting(cmd, provider, func(ctx context.Context) error { return do(ctx, provider.Tracker(trackerName)) })
}

// acting calls do with a context with the user of the operating system as the actor, and then
// shuts the provider down, which seals a ledger with a key.
func (*app) acting(cmd *cobra.Command, provider *sdk.TrackerProvider, do func(context.Context) error) (err error) {
	ctx := cmd.Context()
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), sealTimeout)
		defer cancel()
		err = errors.Join(err, provider.Shutdown(end))
	}()
	actor, login := osUser()
	metadata := []attribute.KeyValue{semconv.TrailCommandKey.String(cmd.CommandPath())}
	if login != "" {
		metadata = append(metadata, semconv.TrailLoginKey.String(login))
	}
	return audit.Run(audit.ContextWithActor(ctx, actor), do,
		audit.WithChannel(semconv.ChannelCLI), audit.WithScopeMetadata(metadata...))
}
