package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query/ask"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// app is one run of deed: where it writes, and the flags that all commands share.
type app struct {
	stdout, stderr io.Writer

	from          []string
	zone          string
	noColor       bool
	quiet         bool
	groupWritable bool
	indexCache    string
	recordTo      string
	purpose       string

	fromName, zoneName string // what sets from and zone: a flag or a variable

	problems int // errors of the stores that were asked
}

const rootHelp = `Deed asks an audit trail: who did what, when, where and why.

It reads a ledger, also beside the process that writes it, several ledgers, archives, a MongoDB collection, or whatever a ` +
	`configuration file of the service names. Without --from it asks DEED_FROM, then the configuration in the environment ` +
	`(AUDIT_CONFIG_FILE and its siblings), then the ledger audit-ledger in the current directory.

Times are read and shown in UTC, unless --zone or DEED_ZONE names another zone.

A terminal gets tables and charts as wide as it is. DEED_COLUMNS gets them elsewhere too, that wide: DEED_COLUMNS=100 deed query | less.

Exit codes: ` + exitCodes + `. Standard output has the answer and nothing else; notes and errors are on standard error.`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "deed",
		Short:         "Ask an audit trail: who did what, when, where and why",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkEmpty(cmd); err != nil {
				return err
			}
			a.environment()
			acceptJSONL(cmd)
			return checkShared(cmd)
		},
		Version: version(),
	}
	onlyCommands(root)
	root.SetHelpCommand(helpCommand())
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetVersionTemplate("deed {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		text, _, _ := strings.Cut(err.Error(), ": strconv.") // which speaks to programmers
		return usageError{errors.New(text)}
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.help(cmd) })
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	flags := root.PersistentFlags()
	flags.StringArrayVar(&a.from, "from", nil, "the `STORE` to ask: the directory of a ledger or of archives, s3://BUCKET/PREFIX, mongodb://HOST/DATABASE.COLLECTION, or a configuration file; may be repeated")
	flags.StringVar(&a.zone, "zone", "", "the time `ZONE`: utc, local, +01:00 or Europe/Berlin")
	flags.BoolVar(&a.noColor, "no-color", false, "no colors; NO_COLOR does the same")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no notes and no progress; errors are still shown")
	flags.StringVar(&a.recordTo, "record-to", "", "record in the ledger in this `DIRECTORY` who looks at what, and who removes or holds it; DEED_RECORD_TO does the same")
	flags.StringVar(&a.purpose, "purpose", "", "why you do it, as `TEXT` for the record of it")
	flags.BoolVar(&a.groupWritable, "group-writable", false, "accept a ledger that a group may write to")
	flags.StringVar(&a.indexCache, "index-cache", "", "keep indexes of ledgers that have none in this `DIRECTORY`, or none; by default in the user's cache directory; DEED_INDEX_CACHE does the same")
	root.AddCommand(a.query(), a.show(), a.history(), a.asOf(), a.stats(), a.gaps(), a.tail(), a.serve(), a.export(), a.verify(), a.prove(), a.verifyProof(), a.proveExport(), a.verifyExport(), a.seal(), a.keygen(), a.witness(), a.ledger(), a.retention(), a.hold(), a.archive(), a.erase(), a.disclose(), a.verifyDisclosure(), a.deadLetters(), a.config(), a.completion(), a.man())
	for _, cmd := range root.Commands() {
		usageArgs(cmd)
	}
	for _, cmd := range subcommands(root) {
		completeFlags(cmd)
	}
	return root
}

// group puts the flags into a group of the help.
func group(flags *pflag.FlagSet, name string, names ...string) {
	for _, flag := range names {
		if err := flags.SetAnnotation(flag, groupAnnotation, []string{name}); err != nil {
			panic(err) // a flag that does not exist
		}
	}
}

const groupAnnotation = "deed_group"

// environment applies the variables for flags that are not set.
func (a *app) environment() {
	a.fromName, a.zoneName = "--from", "--zone"
	if from := os.Getenv("DEED_FROM"); len(a.from) == 0 && from != "" {
		a.from, a.fromName = strings.Fields(from), "DEED_FROM"
	}
	if zone := os.Getenv("DEED_ZONE"); a.zone == "" && zone != "" {
		a.zone, a.zoneName = zone, "DEED_ZONE"
	}
	if a.recordTo == "" {
		a.recordTo = os.Getenv("DEED_RECORD_TO")
	}
	if a.indexCache == "" {
		a.indexCache = os.Getenv("DEED_INDEX_CACHE")
	}
}

// clock returns the clock for the times of this run.
func (a *app) clock() (ask.Clock, error) {
	zone, err := ask.ParseZone(a.zone)
	if err != nil {
		return ask.Clock{}, usagef("%s: %w", a.zoneName, err)
	}
	return ask.Clock{Now: time.Now(), Zone: zone}, nil
}

// open opens the stores. The caller closes them.
func (a *app) open(ctx context.Context) (*source.Set, error) {
	set, err := source.Open(ctx, source.Options{
		From: a.fromName, GroupWritable: a.groupWritable, IndexCache: a.indexCacheDir(), Chosen: a.indexCache != "",
	}, a.from...)
	if errors.Is(err, source.ErrNowhere) {
		err = usageError{err}
	}
	if err != nil {
		return nil, err
	}
	for _, text := range set.Notes {
		a.note("-- %s", term.Clean(text))
	}
	return set, nil
}

// indexCacheDir returns the directory for indexes, or an empty text.
func (a *app) indexCacheDir() string {
	switch a.indexCache {
	case "none":
		return ""
	case "":
		dir, err := os.UserCacheDir()
		if err != nil {
			return "" // a service without a home
		}
		return filepath.Join(dir, "deed", "indexes")
	}
	return a.indexCache
}

// colors reports whether w gets colors.
func (a *app) colors(w io.Writer) bool {
	return !a.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.Is(w) && term.EnableColors(w)
}

// forPeople reports whether people read standard output: it is a terminal, or DEED_COLUMNS
// says so.
func (a *app) forPeople() bool { return term.Is(a.stdout) || a.forcedWidth() > 0 }

// forcedWidth returns the width that DEED_COLUMNS sets, or 0.
func (*app) forcedWidth() int {
	n, err := strconv.Atoi(os.Getenv("DEED_COLUMNS"))
	if err != nil {
		return 0
	}
	return max(0, n)
}

// width returns how wide lines for people are.
func (a *app) width() int { return cmp.Or(a.forcedWidth(), term.Columns(a.stdout)) }

// note prints a line for people, unless they asked for none.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		a.say(format, args...)
	}
}

// maxProblems is how many errors of stores are printed.
const maxProblems = 20

// problem prints an error of a store that does not end the answer.
func (a *app) problem(err error) {
	a.problems++
	if a.problems <= maxProblems {
		a.complain(err)
	}
}

// finish returns the error of a command that has asked stores and found so much.
func (a *app) finish(found int) error {
	if a.problems > maxProblems {
		a.say("deed: and %d more errors", a.problems-maxProblems)
	}
	if a.problems > 0 {
		return errors.New("the answer is incomplete, since not everything could be read: see above")
	}
	if found == 0 {
		return errNothing
	}
	return nil
}

// printing is where a command prints records.
type printing struct {
	render.Printer

	buffer *bufio.Writer
}

// Close writes everything out.
func (p printing) Close() error { return errors.Join(p.Printer.Close(), p.buffer.Flush()) }

// printer returns a printer to standard output. An empty format is a table on a terminal,
// and JSON elsewhere.
func (a *app) printer(o render.Options) (printing, error) {
	o = a.outputOptions(o)
	buffer := bufio.NewWriterSize(a.stdout, 64<<10)
	p, err := render.New(buffer, o)
	if err != nil {
		return printing{}, usageError{err}
	}
	return printing{p, buffer}, nil
}

func (a *app) outputOptions(o render.Options) render.Options {
	o.Terminal = a.forPeople()
	if o.Format == "" {
		o.Format = render.JSON
		if o.Terminal {
			o.Format = render.Table
		}
	}
	o.Colors = a.colors(a.stdout)
	if o.Terminal {
		o.Width = a.width()
	}
	return o
}
