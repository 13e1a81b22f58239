package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/spf13/cobra"
)

func (a *app) hold() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hold",
		Short: "Keep records that somebody needs: place, lift, list",
		Long: `A hold blocks the removal of the records that it selects, from the ledger, from MongoDB and from archives, until somebody lifts it. It has no end of its own.

Holds are beside the archives, which retention.archives of the configuration names, or --archives. What is placed and lifted is recorded in the ledger of --record-to.`,
	}
	onlyCommands(cmd)
	cmd.AddCommand(a.holdPlace(), a.holdLift(), a.holdList())
	return cmd
}

// holdStore is where holds are: flags that commands share.
type holdStore struct{ file, archives string }

func (h *holdStore) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&h.file, "config", "", "the configuration `FILE` with the retention (default: AUDIT_CONFIG_FILE, or the environment)")
	cmd.Flags().StringVar(&h.archives, "archives", "", "the `DIRECTORY` of the archives, or a URL such as s3://bucket/prefix, without a configuration")
}

// open opens the store of the archives. The caller closes it.
func (h *holdStore) open(ctx context.Context) (store *source.Archives, policies []*policy.Policy, err error) {
	where := h.archives
	if where == "" {
		c, err := loadRetention(ctx, h.file)
		if err != nil {
			return nil, nil, err
		}
		where = c.Retention().Archives
		if p := c.Policy(); p != nil {
			policies = append(policies, p)
		}
	}
	store, err = source.OpenArchives(ctx, where)
	return store, policies, missingArchives(where, err)
}

// missingArchives adds what to do to the error of a directory of archives that does not exist.
func missingArchives(where string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return source.MissingArchives(where)
	}
	return err
}

// loadRetention loads a configuration that says how long records are kept.
func loadRetention(ctx context.Context, file string) (*config.Config, error) {
	c, err := loadConfig(ctx, file)
	if err != nil {
		return nil, err
	}
	if c.Retention() == nil {
		return nil, errors.New("the configuration does not say how long records are kept; add the key retention")
	}
	return c, nil
}

func (a *app) holdPlace() *cobra.Command {
	h, s := &holdStore{}, &selection{}
	var everything bool
	cmd := &cobra.Command{
		Use:   "place NAME --purpose TEXT",
		Short: "Keep the records that the flags select",
		Long: `Place places a hold with a name of its own. The flags are those of deed query, and select the records; the hold also keeps records that are recorded later. --purpose says why, and is required.

A store that removes records by itself, such as a ledger with WithRetention or a collection with a TTL, would remove held ones too. If the configuration has one, this is an error, and nothing is held; what cannot be checked is said.

If the command fails, the hold may be in force: run it again, or look at deed hold list.`,
		Example: `deed hold place case-17 --actor user/mallory --purpose 'lawsuit 17/2026' --record-to looks
deed hold place tax-audit --action 'invoice.*' --on 2025 --purpose 'tax audit' --config deploy.yaml --record-to looks`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runHoldPlace(cmd, args[0], h, s, everything)
		},
	}
	h.register(cmd)
	s.register(cmd.Flags())
	cmd.Flags().BoolVar(&everything, "everything", false, "keep all records")
	return cmd
}

// holdTimeout is how long a server may take to say whether it removes records by itself.
const holdTimeout = 10 * time.Second

// checkHolds returns an error if a store of the configuration removes records by itself, which no
// hold could keep, and says what it cannot check.
func (a *app) checkHolds(ctx context.Context, h *holdStore) error {
	if h.archives != "" && named(h.file) != nil {
		a.note("-- no configuration names the stores, so it was not checked whether one removes records by itself, held or not: " +
			"a ledger with WithRetention, or a collection with a TTL; name it with --config")
		return nil
	}
	c, err := loadConfig(ctx, h.file)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, holdTimeout)
	defer cancel()
	unchecked, err := c.CheckRetention(ctx)
	if err != nil {
		return fmt.Errorf("%w; nothing is held", err)
	}
	for _, name := range unchecked {
		a.note("-- %s cannot be asked, so it was not checked whether it removes records by itself, held or not; run the command again", term.Clean(name))
	}
	return nil
}

func (a *app) runHoldPlace(cmd *cobra.Command, name string, h *holdStore, s *selection, everything bool) error {
	if !record.ValidName(name) {
		return usagef("%q cannot be the name of a hold, which must match %s", name, record.NamePattern)
	}
	clock, err := a.clock()
	if err != nil {
		return err
	}
	filter, err := s.build(clock)
	if err != nil {
		return err
	}
	switch empty := reflect.DeepEqual(filter, query.Filter{}); {
	case empty && !everything:
		return usagef("no flag selects records; add one such as --actor, or --everything")
	case !empty && everything:
		return usagef("--everything: leave out the flags that select records")
	case a.purpose == "":
		return usagef("say why with --purpose")
	case a.recordTo == "":
		return usagef("name the ledger for the record of this with --record-to; nothing is done without it")
	}
	if err := a.checkHolds(cmd.Context(), h); err != nil {
		return err
	}
	store, policies, err := h.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // objects are durable
	err = a.recorded(cmd, nil, policies, func(ctx context.Context, t audit.Tracker) error {
		return retention.Place(ctx, store, t, retention.Hold{Name: name, Filter: filter, Reason: a.purpose})
	})
	if err == nil {
		a.note("-- %s is held until deed hold lift %s", term.Clean(name), term.Clean(name))
	}
	return err
}

func (a *app) holdLift() *cobra.Command {
	h := &holdStore{}
	cmd := &cobra.Command{
		Use:     "lift NAME --purpose TEXT",
		Short:   "End a hold",
		Long:    "Lift ends a hold: the next deed retention apply may remove its records. --purpose says why, and is required. The name is never used again.",
		Example: "deed hold lift case-17 --purpose 'the lawsuit is over' --record-to looks",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.purpose == "" {
				return usagef("say why with --purpose")
			}
			store, policies, err := h.open(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // objects are durable
			err = a.recorded(cmd, nil, policies, func(ctx context.Context, t audit.Tracker) error {
				return retention.Lift(ctx, store, t, args[0], a.purpose)
			})
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no hold %s; deed hold list has all", args[0])
			}
			return err
		},
	}
	h.register(cmd)
	return cmd
}

func (a *app) holdList() *cobra.Command {
	h := &holdStore{}
	var format string
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the holds in force",
		Example: "deed hold list --archives /backup/audit",
		Args:    onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return a.runHoldList(cmd, h, format, all)
		},
	}
	h.register(cmd)
	formatFlag(cmd, &format)
	cmd.Flags().BoolVar(&all, "all", false, "those that were lifted too")
	return cmd
}

func (a *app) runHoldList(cmd *cobra.Command, h *holdStore, format string, all bool) error {
	ctx := cmd.Context()
	clock, err := a.clock()
	if err != nil {
		return err
	}
	store, policies, err := h.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // read only
	set := &source.Set{Names: []string{store.Name}, Policies: policies}
	if err := a.recordLooking(ctx, cmd, set, &query.Filter{}); err != nil {
		return err
	}
	holds, err := retention.Holds(ctx, store)
	if err != nil {
		return err
	}
	found := 0
	for _, hold := range holds {
		if !hold.Lifted.IsZero() && !all {
			continue
		}
		found++
		if format == "json" {
			err = writeLine(a.stdout, hold)
		} else {
			err = a.printHold(&hold, clock)
		}
		if err != nil {
			return err
		}
	}
	return a.finish(found)
}
