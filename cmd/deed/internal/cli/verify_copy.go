package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/opendeed/audit/archive/custody"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/spf13/pflag"
)

// copyFlags name a copy of a ledger, and what was exported to it.
type copyFlags struct {
	mongodb  string
	filter   string
	exporter string

	name string // the URL without credentials
}

func (f *copyFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.mongodb, "mongodb", "", "verify the copy at this `URL` too, mongodb://HOST/DATABASE.COLLECTION")
	flags.StringVar(&f.filter, "filter", "", "the `FILTER` of the copy's exporter, if it has one: a file, or a text that begins with {")
	flags.StringVar(&f.exporter, "exporter", mongodb.DefaultName, "the `NAME` of the copy's exporter")
}

// verifyCopy compares the copy with what was sealed in dir. Without a ledger there, r is nil.
func (c *verifyCommand) verifyCopy(ctx context.Context, dir string, r *ledger.Reader, opts *seal.VerifyOptions) (*custody.CopyReport, error) {
	name, reader, release, err := source.OpenMongoDB(c.copied.mongodb)
	if err != nil {
		return nil, usagef("--mongodb: %w", err)
	}
	defer disconnect(ctx, release)
	c.copied.name = name
	o := custody.CopyOptions{Ledger: r}
	if o.Leaves, err = seal.OpenLeaves(sealFiles(dir), opts.Held, opts.Keys...); err != nil {
		return nil, err
	}
	newest := o.Leaves.Checkpoint()
	id, ok := newest.Ledger()
	if !ok {
		return nil, fmt.Errorf("the checkpoint in %s does not name a ledger", dir)
	}
	o.Log = hex.EncodeToString(id[:])
	if c.copied.filter != "" {
		f, err := readFilter(c.copied.filter)
		if err != nil {
			return nil, usagef("--filter: %w", err)
		}
		o.Filter = &f
	}
	if err := c.delivered(ctx, dir, r, &o); err != nil {
		return nil, err
	}
	var progress *term.Progress
	if term.Is(c.stderr) && !c.quiet {
		progress = term.NewProgress(c.stderr, "documents")
	}
	all := max(1, float64(newest.Size))
	o.Progress = func(documents int64) { progress.Update(documents, min(1, float64(documents)/all)) }
	report, err := custody.VerifyCopy(ctx, documentsOf(ctx, reader), recordsOf{reader}, o)
	progress.Clear()
	if err != nil {
		return nil, err
	}
	return report, c.compareCheckpoint(ctx, dir, reader, &o, opts, report)
}

// delivered sets how far the exporter is. Without a ledger, it may have everything.
func (c *verifyCommand) delivered(ctx context.Context, dir string, r *ledger.Reader, o *custody.CopyOptions) error {
	o.Delivered = o.Leaves.Last()
	if r == nil {
		return nil
	}
	stats, err := r.Stats()
	if err != nil {
		return err
	}
	committed, ok := stats.Cursors[c.copied.exporter]
	if !ok {
		return usagef("--exporter: the ledger has no exporter %q", c.copied.exporter)
	}
	o.Delivered, o.DeadLetters = committed, map[uint64]bool{}
	for letter, err := range c.deadLettersOf(ctx, dir) {
		if err != nil {
			c.problem(err)
			continue
		}
		if letter.Exporter == c.copied.exporter && letter.Record != nil {
			o.DeadLetters[letter.Seq] = true
		}
	}
	return nil
}

// compareCheckpoint compares the newest checkpoint that the copy has with the tiles of the
// directory.
func (c *verifyCommand) compareCheckpoint(ctx context.Context, dir string, reader *mongodb.Reader, o *custody.CopyOptions, opts *seal.VerifyOptions, report *custody.CopyReport) error {
	note, err := reader.NewestCheckpoint(ctx, o.Log)
	if err != nil || note == nil {
		return err
	}
	if _, err := seal.OpenLeaves(sealFiles(dir), note, opts.Keys...); err != nil {
		report.Findings = append(report.Findings, custody.CopyFinding{Kind: seal.BadCheckpoint, Detail: "the newest one of the copy is not that of the directory: " + err.Error()})
	}
	return nil
}

// documentsOf returns the documents of a collection.
func documentsOf(ctx context.Context, reader *mongodb.Reader) iter.Seq2[custody.Document, error] {
	return func(yield func(custody.Document, error) bool) {
		for d, err := range reader.Documents(ctx) {
			if !yield(custody.Document{ID: d.ID, Place: d.Place, Record: d.Record, Reason: d.Reason()}, err) {
				return
			}
		}
	}
}

// recordsOf is a Reader of a collection without the documents that are no records.
type recordsOf struct{ *mongodb.Reader }

func (r recordsOf) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for found, err := range r.Reader.Find(ctx, f) {
			if _, ok := errors.AsType[*mongodb.DocumentError](err); !ok && !yield(found, err) {
				return
			}
		}
	}
}

// printCopy describes a copy.
func (c *verifyCommand) printCopy(r *custody.CopyReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s documents of this ledger\n", term.Clean(c.copied.name), term.Count(r.Documents))
	fmt.Fprintf(&b, "  genuine    %s entries are the ones that were sealed, up to %d\n", term.Count(r.Genuine), r.Proved)
	for _, line := range []struct {
		label string
		n     int64
		text  string
	}{
		{"unproved", r.Unproved, "entries are after the checkpoint"},
		{"waiting", r.Waiting, "entries are not delivered yet"},
		{"repeated", r.Repeated, "entries are of events that the copy has already: they were tracked twice"},
		{"unknown", r.Unknown, "entries are not in the copy, and nobody can tell here whether the filter selects them"},
		{"others", r.Others, "documents are of other ledgers"},
	} {
		if line.n > 0 {
			fmt.Fprintf(&b, "  %-10s %s %s\n", line.label, term.Count(line.n), line.text)
		}
	}
	printFindings(&b, r.Findings, r.More)
	if r.Intact() {
		b.WriteString("  intact: nothing in the copy was changed, doubled or put in")
		if r.Unknown == 0 {
			b.WriteString(", and nothing is missing")
		}
		b.WriteString("\n")
	}
	_, err := fmt.Fprint(c.stdout, b.String())
	return err
}
