package cli

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/spf13/cobra"
)

func (a *app) archive() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "Look after archives: verify, import",
		Long: `The commands below archive verify the archives of records that have left a ledger or a collection, and put their records into a ledger or a collection again. To ask archives, nothing need be imported: --from names them.

STORE is the directory of the archives, or a URL such as s3://bucket/prefix. PREFIX selects archives by the beginning of their names, which are LOG/CLASS/FIRST-LAST-HASH.jsonl.zst; without it, all are selected.`,
	}
	onlyCommands(cmd)
	cmd.AddCommand(a.archiveVerify(), a.archiveImport())
	return cmd
}

func (a *app) archiveVerify() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "verify STORE [PREFIX...]",
		Short: "Read archives back, and compare them with their manifests",
		Long: `Verify reads every byte of the archives, and compares hashes, counts, times and sequence numbers with their manifests. It changes nothing. It ends with exit code 3 if one is damaged.

This proves that an archive is what its manifest says. To compare archives with the seal of their ledger, use deed verify --archives.`,
		Example: "deed archive verify /backup/audit",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runArchiveVerify(cmd.Context(), args[0], args[1:], format)
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

// verifiedArchive is a line of deed archive verify.
type verifiedArchive struct {
	Name    string `json:"name"`
	Entries int64  `json:"entries"`
	Records int64  `json:"records"`
	Hash    string `json:"hash"`
}

func (a *app) runArchiveVerify(ctx context.Context, location string, prefixes []string, format string) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	store, err := source.OpenArchives(ctx, location)
	if err != nil {
		return missingArchives(location, err)
	}
	defer func() { _ = store.Close() }() // read only
	found := 0
	for o, err := range archivesIn(ctx, store, prefixes) {
		if err != nil {
			return err
		}
		found++
		opened, err := archive.Open(ctx, store, o.Name)
		if err == nil {
			err = opened.Verify(ctx)
		}
		switch {
		case err != nil && !isDamage(err):
			return err
		case err != nil:
			a.problem(err)
		default:
			if err := a.printVerified(opened.Manifest(), format); err != nil {
				return err
			}
		}
	}
	return a.finish(found)
}

func (a *app) printVerified(m archive.Manifest, format string) error {
	if format == "json" {
		return writeLine(a.stdout, verifiedArchive{m.Name, m.Entries, m.Records, m.Hash.String()})
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %s, no damage\n", term.Clean(m.Name), howMany(m.Entries, "entry"))
	return err
}

// archiveSuffix is that of the names of archives.
const archiveSuffix = ".jsonl.zst"

// archivesIn returns the archives of a store, by name. Those that several prefixes select come once.
// A prefix that selects none is an error.
func archivesIn(ctx context.Context, store archive.Store, prefixes []string) iter.Seq2[archive.Object, error] {
	if len(prefixes) == 0 {
		prefixes = []string{""}
	}
	return func(yield func(archive.Object, error) bool) {
		for i, prefix := range prefixes {
			found := prefix == ""
			for o, err := range store.List(ctx, prefix) {
				if err != nil {
					yield(o, err)
					return
				}
				if !strings.HasSuffix(o.Name, archiveSuffix) {
					continue
				}
				found = true
				if !hasAnyPrefix(o.Name, prefixes[:i]) && !yield(o, nil) {
					return
				}
			}
			if !found {
				yield(archive.Object{}, fmt.Errorf("no archive has a name that begins with %s; deed archive verify STORE lists them", prefix))
				return
			}
		}
	}
}

func hasAnyPrefix(text string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}
