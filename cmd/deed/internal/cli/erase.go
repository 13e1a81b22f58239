package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/query"
	"github.com/spf13/cobra"
)

type eraseCommand struct {
	*app

	file     string
	tenant   string
	archives string
	noHolds  bool
}

func (a *app) erase() *cobra.Command {
	c := &eraseCommand{app: a}
	cmd := &cobra.Command{
		Use:   "erase SUBJECT --purpose TEXT",
		Short: "Make the values of a person unreadable, in every copy, while all proofs hold",
		Long: `Erase destroys the key of a subject, which is TYPE/ID, such as user/42. From then on nobody can read the values that were made erasable for it: in the ledger, in MongoDB, in exports, archives and backups of them. No record changes. It cannot be undone.

The configuration names the key store, with the key erasure. If a legal hold covers records with such values, nothing is erased: holds are in retention.archives of the configuration, or in --archives, and all stores of the configuration are asked, and the archives. Where nobody places holds, say so with --no-holds.

--purpose says why, and is required. What is done is recorded in the ledger of --record-to: an attempt before it, and its result. If the command is interrupted, or killed, run it again.`,
		Example: `deed erase user/42 --purpose 'request 2026-31' --config deploy.yaml --record-to looks
deed erase customer/1001 --tenant acme --purpose 'contract ended' --config deploy.yaml --record-to looks`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&c.file, "config", "", "the configuration `FILE` with the key store (default: AUDIT_CONFIG_FILE, or the environment)")
	cmd.Flags().StringVar(&c.tenant, "tenant", "", "the `TENANT` of the subject, if its ID is unique in that tenant only")
	cmd.Flags().StringVar(&c.archives, "archives", "", "the `DIRECTORY` of the archives and the holds, or a URL such as s3://bucket/prefix, unless the configuration names it")
	cmd.Flags().BoolVar(&c.noHolds, "no-holds", false, "nobody places legal holds")
	return cmd
}

// parseSubject parses the subject of a command.
func parseSubject(text, tenant string) (erasure.Subject, error) {
	s, err := erasure.ParseSubject(text)
	if err != nil {
		return s, usagef("%s is no subject, which is TYPE/ID, such as user/42", text)
	}
	s.Tenant = tenant
	return s, nil
}

// keyStore opens the key store of a configuration. The caller releases it.
func keyStore(ctx context.Context, file string) (*config.Config, erasure.KeyStore, func(context.Context) error, error) {
	c, err := loadConfig(ctx, file)
	if err != nil {
		return nil, nil, nil, err
	}
	keys, release, err := c.KeyStore()
	if errors.Is(err, config.ErrNoErasure) {
		err = errors.New("the configuration makes no values erasable; name the one that does with --config")
	}
	return c, keys, release, err
}

func (c *eraseCommand) run(cmd *cobra.Command, text string) error {
	subject, err := parseSubject(text, c.tenant)
	if err != nil {
		return err
	}
	switch {
	case c.purpose == "":
		return usagef("say why with --purpose")
	case c.recordTo == "":
		return usagef("name the ledger for the record of this with --record-to; nothing is done without it")
	}
	ctx := cmd.Context()
	conf, keys, release, err := keyStore(ctx, c.file)
	if err != nil {
		return err
	}
	defer disconnect(ctx, release)
	held, closeAll, err := c.holds(ctx, conf, subject)
	if err != nil {
		return err
	}
	defer disconnect(ctx, closeAll)
	set := storeOf(conf)
	err = c.recorded(cmd, set.Dirs, set.Policies, func(ctx context.Context, t audit.Tracker) error {
		result, err := erasure.Erase(ctx, keys, t, erasure.Request{Subject: subject, Reason: c.purpose, Held: held})
		switch {
		case err != nil:
			return err
		case !result.Before.IsZero():
			c.note("-- %s was erased before, on %s", term.Clean(text), result.Before.UTC().Format(time.DateOnly))
		default:
			c.note("-- %s is erased: nobody can read its values any more, unless somebody has a copy of its key", term.Clean(text))
		}
		return nil
	})
	if errors.Is(err, erasure.ErrNoKey) {
		return fmt.Errorf("%s has no key, so no value was made erasable for it; nothing was done; look for a mistake in the name, or add --tenant", text)
	}
	return err
}

// holds returns the function that looks for holds, in all stores of a configuration.
func (c *eraseCommand) holds(ctx context.Context, conf *config.Config, subject erasure.Subject) (held func(context.Context, *erasure.Key) ([]string, error), closeAll func(context.Context) error, err error) {
	dir := c.archives
	if dir == "" && conf.Retention() != nil {
		dir = conf.Retention().Archives
	}
	switch {
	case c.noHolds && dir != "":
		return nil, nil, usagef("--no-holds: holds may be where the archives are, which --archives or the configuration names; leave it out")
	case c.noHolds:
		return erasure.NoHolds, func(context.Context) error { return nil }, nil
	case dir == "":
		return nil, nil, usagef("the configuration does not say where holds are; name their directory with --archives, or add --no-holds if nobody places any")
	}
	store, err := source.OpenArchives(ctx, dir)
	if err != nil {
		return nil, nil, missingArchives(dir, err)
	}
	sources, release, err := conf.Readers()
	closeAll = func(ctx context.Context) error { return errors.Join(release(ctx), store.Close()) }
	if err != nil {
		return nil, nil, errors.Join(err, closeAll(context.Background()))
	}
	sources = append(sources, query.Source{Name: "archives", Reader: archive.NewReader(store)})
	reader := query.Union(sources...)
	return func(ctx context.Context, k *erasure.Key) ([]string, error) {
		return retention.CoveringHolds(ctx, store, reader, audit.Target{Type: subject.Type, ID: subject.ID}, erasure.HasKey(k.ID()))
	}, closeAll, nil
}
