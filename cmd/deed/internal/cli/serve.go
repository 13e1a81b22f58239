package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/serve"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/viewer"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/attribute"
)

type serveCommand struct {
	*app
	publicKeys

	listen, traceURL, anchor string
	noOpen, verify           bool
}

func (a *app) serve() *cobra.Command {
	c := &serveCommand{app: a}
	cmd := &cobra.Command{
		Use:   "serve [STORE]",
		Short: "Show the trail in a browser",
		Long: `Serve shows the trail in the browser of this machine, until it is interrupted: a timeline in sentences, the life of each object, who did what when, and exports.

It prints a link, and opens it if a terminal started it. The link is valid once; the browser that opens it gets a cookie. Nobody else on this machine sees the trail, and no other machine reaches it.

With the public key of a sealed ledger, in --key or DEED_KEY, the page of a record shows its proof, and the page of the pipeline how far the ledger is sealed. --verify also compares every entry with what was sealed, once and in the background.

STORE is like --from.`,
		Example: `deed serve /var/lib/shop/audit
deed serve mongodb://localhost/audit.records --zone Europe/Berlin
deed serve --record-to looks --purpose "review of November"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.listen, "listen", "127.0.0.1:0", "the `ADDRESS` to listen on, of this machine alone; port 0 is any that is free")
	flags.StringVar(&c.traceURL, "trace-url", "", "the `URL` of a trace, with {trace_id} in it, for links to it")
	flags.BoolVar(&c.noOpen, "no-open", false, "do not open a browser")
	c.register(cmd)
	flags.BoolVar(&c.verify, "verify", false, "compare the sealed ledger with its seal, in the background")
	flags.StringVar(&c.anchor, "anchor", "", "the `FILE` with the checkpoint that was kept elsewhere, for --verify")
	group(flags, groupOutput, "listen", "trace-url", "no-open")
	return cmd
}

func (c *serveCommand) run(cmd *cobra.Command, args []string) error {
	clock, err := c.clock()
	if err != nil {
		return err
	}
	if err := serve.CheckLoopback(c.listen); err != nil {
		return usagef("--listen: %s: %w", c.listen, err)
	}
	c.from = append(c.from, args...)
	ctx := cmd.Context()
	set, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer set.Close()
	options := []viewer.Option{
		viewer.WithZone(clock.Zone), viewer.WithSources(set.Names...),
		viewer.WithErrorHandler(func(_ context.Context, err error) { c.complain(err) }),
	}
	if c.traceURL != "" {
		options = append(options, viewer.WithTraceURL(c.traceURL))
	}
	if len(set.Dirs) > 0 {
		options = append(options, viewer.WithHealth(func(ctx context.Context) (viewer.Health, error) { return c.health(ctx, set.Dirs) }))
	}
	provers, err := c.provers(set)
	if err != nil {
		return err
	}
	options = append(options, viewer.WithProvers(viewers(provers)...))
	recording, stop, err := c.recording(cmd, set)
	if err != nil {
		return err
	}
	defer c.verifyAll(ctx, provers)()
	actor, _ := osUser()
	authorize := func(*http.Request) (audit.Actor, viewer.View, error) { return actor, viewer.View{All: true}, nil }
	handler, err := viewer.New(set.Reader, append(options, recording, viewer.Authorize(authorize))...)
	if err == nil {
		err = c.listenAndServe(ctx, handler)
	}
	return errors.Join(err, stop())
}

// listenAndServe serves until ctx ends.
func (c *serveCommand) listenAndServe(ctx context.Context, handler http.Handler) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", c.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	guarded, link := serve.Guard(handler, listener.Addr())
	server := &http.Server{Handler: guarded, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	if _, err := fmt.Fprintln(c.stdout, link); err != nil {
		return errors.Join(err, listener.Close())
	}
	c.note("-- the link is valid once; interrupt to stop")
	if !c.noOpen && term.Is(c.stdout) {
		serve.OpenBrowser(ctx, link)
	}
	return serveUntil(ctx, server, listener)
}

// recording returns the option for who looks, and a function that makes the records safe.
func (c *serveCommand) recording(cmd *cobra.Command, set *source.Set) (viewer.Option, func() error, error) {
	if c.recordTo == "" {
		if rule := demanding(set.Policies, cmd.CommandPath()); rule != "" {
			return nil, nil, usagef("the policy %sdemands a record of who looks; name the ledger for it with --record-to", rule)
		}
		return viewer.WithoutRecording(), func() error { return nil }, nil
	}
	provider, err := c.openRecord(set.Dirs, set.Policies)
	if err != nil {
		return nil, nil, err
	}
	_, login := osUser()
	tracker := lookTracker{Tracker: provider.Tracker(trackerName), purpose: c.purpose, login: login}
	return viewer.WithTracker(tracker), func() error { return shutdown(cmd.Context(), provider) }, nil
}

// shutdown makes records safe, also after an interrupt.
func shutdown(ctx context.Context, provider *sdk.TrackerProvider) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return provider.Shutdown(ctx)
}

// lookTracker adds to the events of the viewer what deed knows.
type lookTracker struct {
	audit.Tracker

	purpose, login string
}

// Track tracks the event, with the purpose and the login, in the channel of the command line.
func (t lookTracker) Track(ctx context.Context, e audit.Event) error {
	e.Reason = t.purpose
	if t.login != "" {
		e.Metadata = append([]attribute.KeyValue{semconv.TrailLoginKey.String(t.login)}, e.Metadata...)
	}
	return audit.Run(ctx, func(ctx context.Context) error { return t.Tracker.Track(ctx, e) }, audit.WithChannel(semconv.ChannelCLI))
}

// health returns what the files of ledgers say about what records the trail.
func (c *serveCommand) health(ctx context.Context, dirs []string) (h viewer.Health, err error) {
	for i, dir := range dirs {
		prefix := ""
		if len(dirs) > 1 {
			prefix = dir + ": "
		}
		last := h.LastScrub
		if err := c.addHealth(ctx, &h, dir, prefix); err != nil {
			return h, err
		}
		if i > 0 && last.Before(h.LastScrub) {
			h.LastScrub = last // the oldest
		}
	}
	return h, nil
}

func (c *serveCommand) addHealth(ctx context.Context, h *viewer.Health, dir, prefix string) error {
	info, err := c.inspect(ctx, dir)
	if err != nil {
		return err
	}
	h.Records += int64(info.Entries)
	h.Bytes += info.Bytes
	h.Damaged += info.Damaged
	h.LastScrub = info.Scrubbed
	for _, name := range slices.Sorted(maps.Keys(info.Cursors)) {
		if name == seal.CursorName && c.given() {
			continue // the page shows how far the ledger is sealed
		}
		committed := info.Cursors[name]
		e := viewer.ExporterHealth{Name: prefix + name, Undelivered: int64(info.Lag[name])}
		if e.Undelivered > 0 {
			if e.Oldest, err = c.timeOf(ctx, dir, committed+1); err != nil {
				return err
			}
		}
		e.DeadLetters = int64(info.dead[name])
		h.Exporters = append(h.Exporters, e)
	}
	return nil
}
