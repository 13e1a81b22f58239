package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/attribute"
)

type archiveImportCommand struct {
	*app

	into, format string
}

func (a *app) archiveImport() *cobra.Command {
	c := &archiveImportCommand{app: a}
	cmd := &cobra.Command{
		Use:   "import STORE [PREFIX...] --into STORE",
		Short: "Put the records of archives into a ledger or a collection again",
		Long: `Import appends the records of archives to the ledger in the directory --into, which is made if it does not exist, or inserts them into a collection of MongoDB. The archives stay. In a ledger the records are byte for byte what they were, and have new places at its end; the exporters of its service export them again, under the same IDs.

A record that is already there is not stored again. So the command may be interrupted, or killed, at any time, and continues when it is run again. It takes the ledger's lock: stop its process first, or import into a new ledger, which --from can ask together with others.

What is damaged is named and left out, and the command then ends with exit code 3. What is imported is recorded in the ledger of --record-to, which is required: an attempt for each archive, and its result.`,
		Example: `deed archive import /backup/audit --into restored --record-to looks --purpose 'lawsuit 17/2026'
deed archive import s3://audit/shop 3f2a/payouts/ --into mongodb://localhost/audit.records --record-to looks`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0], args[1:]) },
	}
	cmd.Flags().StringVar(&c.into, "into", "", "the `STORE` for the records: the directory of a ledger, or mongodb://HOST/DATABASE.COLLECTION")
	formatFlag(cmd, &c.format)
	return cmd
}

func (c *archiveImportCommand) run(cmd *cobra.Command, location string, prefixes []string) error {
	if err := checkFormat(c.format); err != nil {
		return err
	}
	if c.into == "" {
		return usagef("name the ledger or the collection for the records with --into")
	}
	ctx := cmd.Context()
	store, err := source.OpenArchives(ctx, location)
	if err != nil {
		return missingArchives(location, err)
	}
	defer func() { _ = store.Close() }() // read only
	return c.recorded(cmd, []string{c.into}, nil, func(ctx context.Context, t audit.Tracker) (err error) {
		to, err := c.open(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, to.close()) }()
		found := 0
		for o, err := range archivesIn(ctx, store, prefixes) {
			if err != nil {
				return err
			}
			found++
			switch err := c.importOne(ctx, t, store, o.Name, to); {
			case err != nil && ctx.Err() != nil:
				return fmt.Errorf("%s is not imported completely; run the command again, it continues: %w", o.Name, err)
			case isDamage(err):
				c.problem(err)
			case err != nil:
				return err
			}
		}
		return c.finish(found)
	})
}

// isDamage reports whether an error is about what an archive lacks, so that others can be read.
func isDamage(err error) bool {
	_, ok := errors.AsType[*archive.CorruptError](err)
	return ok
}

// importOne imports an archive between two records: that of the attempt, and that of its result.
func (c *archiveImportCommand) importOne(ctx context.Context, t audit.Tracker, store *source.Archives, name string, to *destination) error {
	opened, err := archive.Open(ctx, store, name)
	if err != nil {
		return err
	}
	var done archive.Imported
	m := opened.Manifest()
	event := audit.Event{
		Action: semconv.ActionTrailImport, Operation: audit.OperationCreate, Target: audit.Target{Type: "audit.archive", ID: name}, Reason: c.purpose,
		Metadata: []attribute.KeyValue{
			semconv.TrailLogKey.String(m.Log), semconv.TrailSHA256Key.String(m.Hash.String()),
			semconv.TrailSourcesKey.StringSlice([]string{store.Name}), semconv.TrailIntoKey.String(to.name),
		},
	}
	failed := audit.Do(ctx, t, event, func(ctx context.Context) error {
		var err error
		done, err = to.add(ctx, opened)
		audit.AddMetadata(ctx, semconv.TrailRecordsKey.Int64(done.Records))
		return err
	})
	if done.Invalid > 0 {
		c.problem(fmt.Errorf("%s: %s hold no record, and are not imported", name, howMany(done.Invalid, "entry")))
	}
	if done == (archive.Imported{}) && failed != nil {
		return failed
	}
	return errors.Join(failed, c.printImported(name, to, done))
}

// importedArchive is a line of deed archive import.
type importedArchive struct {
	Name    string `json:"name"`
	Records int64  `json:"records"`
	Present int64  `json:"present"`
	Invalid int64  `json:"invalid"`
}

func (c *archiveImportCommand) printImported(name string, to *destination, done archive.Imported) error {
	if c.format == "json" {
		return writeLine(c.stdout, importedArchive{name, done.Records, done.Present, done.Invalid})
	}
	text := fmt.Sprintf("%s: %s imported", term.Clean(name), howMany(done.Records, "record"))
	if to.accepts {
		text = fmt.Sprintf("%s: the collection has %s of it, those that were there before included", term.Clean(name), howMany(done.Records, "record"))
	}
	if done.Present > 0 {
		text += fmt.Sprintf(", %s were there before", term.Count(done.Present))
	}
	_, err := fmt.Fprintln(c.stdout, text)
	return err
}

// destination is where records are imported to.
type destination struct {
	name    string // without credentials
	accepts bool   // it accepts records that it has, and does not count them
	add     func(context.Context, *archive.Archive) (archive.Imported, error)
	close   func() error
}

func (c *archiveImportCommand) open(ctx context.Context) (*destination, error) {
	if scheme, _, ok := strings.Cut(c.into, "://"); ok {
		if scheme != "mongodb" && scheme != "mongodb+srv" {
			return nil, usagef("--into: %s is not the scheme of a store; use mongodb, mongodb+srv, or the directory of a ledger", scheme)
		}
		return c.openCollection(ctx)
	}
	if err := checkNewLedger("into", c.into); err != nil {
		return nil, err
	}
	l, err := ledger.Open(c.into, append(c.ledgerOptions(), ledger.WithScrub(0))...)
	if err != nil {
		return nil, c.explain(c.into, err)
	}
	existing, err := ledgerquery.NewReader(c.into, c.ledgerOptions()...)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &destination{
		name: filepath.Clean(c.into), close: l.Close,
		add: func(ctx context.Context, a *archive.Archive) (archive.Imported, error) {
			return archive.ImportLedger(ctx, a, l, existing)
		},
	}, nil
}

func (c *archiveImportCommand) openCollection(ctx context.Context) (*destination, error) {
	name, collection, release, err := source.OpenCollection(c.into)
	if err != nil {
		return nil, fmt.Errorf("--into: %w", err)
	}
	exporter, err := mongodb.New(ctx, collection)
	if err != nil {
		disconnect(ctx, release)
		return nil, fmt.Errorf("--into: %s: %w", name, err)
	}
	return &destination{
		name: name, accepts: true,
		close: func() error {
			defer disconnect(ctx, release)
			return exporter.Shutdown(context.WithoutCancel(ctx))
		},
		add: func(ctx context.Context, a *archive.Archive) (archive.Imported, error) {
			return archive.Import(ctx, a, exporter)
		},
	}, nil
}
