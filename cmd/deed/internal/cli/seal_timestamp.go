package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/stamp"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/seal"
	"github.com/spf13/cobra"
)

// stampTimeout is how long a time-stamp authority may take.
const stampTimeout = 30 * time.Second

type sealTimestampCommand struct {
	*app

	url, certificate, out string
}

func (a *app) sealTimestamp() *cobra.Command {
	c := &sealTimestampCommand{app: a}
	cmd := &cobra.Command{
		Use:   "timestamp CHECKPOINT",
		Short: "Have a time-stamp authority confirm when a checkpoint existed",
		Long: `Timestamp sends the hash of a checkpoint, such as that of an anchor, to a time-stamp authority, as in RFC 3161. It stores a copy of the checkpoint in a new file, and the signed token beside it, in a file whose name ends in .tst. Deed verify --anchor FILE --tsa-cert CERTIFICATE then says at what time the checkpoint existed at the latest.

The authority sees a hash, and no record.`,
		Example: "deed seal timestamp /mnt/elsewhere/audit.checkpoint --tsa https://tsa.example.org --tsa-cert tsa.pem --out 2026-11.checkpoint",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().StringVar(&c.url, "tsa", "", "the `URL` of the authority")
	cmd.Flags().StringVar(&c.certificate, "tsa-cert", "", "the `FILE` with its certificate in PEM, or that of who has issued it")
	cmd.Flags().StringVar(&c.out, "out", "", "the new `FILE` for the copy of the checkpoint")
	return cmd
}

func (c *sealTimestampCommand) run(ctx context.Context, file string) error {
	if c.url == "" || c.certificate == "" || c.out == "" {
		return usagef("name the authority with --tsa and --tsa-cert, and a new file with --out")
	}
	roots, err := stamp.LoadRoots(c.certificate)
	if err != nil {
		return usagef("--tsa-cert: %w", err)
	}
	checkpoint, err := os.ReadFile(file) //nolint:gosec // the file that the user names
	if err != nil {
		return err
	}
	if _, err := seal.UnverifiedCheckpoint(checkpoint); err != nil {
		return fmt.Errorf("%s: %w", term.Clean(file), err)
	}
	for _, path := range []string{c.out, c.out + stamp.Suffix} { // before the authority is asked
		if _, err := os.Lstat(path); err == nil {
			return usagef("--out: %s exists; name a new file", path)
		}
	}
	token, s, err := stamp.Request(ctx, &http.Client{Timeout: stampTimeout}, c.url, checkpoint, roots)
	if err != nil {
		return err
	}
	if err := writeNew(c.out, checkpoint); err != nil {
		return err
	}
	if err := writeNew(c.out+stamp.Suffix, token); err != nil {
		return errors.Join(err, os.Remove(c.out)) // a copy alone would be in the way of the next try
	}
	_, err = fmt.Fprintf(c.stdout, "%s: existed at %s, says %s\n", term.Clean(c.out), s.Time.Format(time.RFC3339), term.Clean(s.Authority))
	return err
}

// writeNew stores a file that must not exist.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // checkpoints and tokens are public
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path)) // or it would be in the way of the next try
	}
	return nil
}

// stamped is the flag that demands a time stamp of the anchor's checkpoint.
type stamped struct {
	tsa    string
	proved *stamp.Stamp // nil: none is demanded
}

func (s *stamped) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.tsa, "tsa-cert", "", "the `FILE` with the certificate of a time-stamp authority, whose token must be beside the anchor, from deed seal timestamp")
}

// checkStamp checks the token beside a checkpoint. The error matches errNotSealed if it proves
// nothing.
func (s *stamped) checkStamp(file string, checkpoint []byte) error {
	if s.tsa == "" {
		return nil
	}
	if file == "" {
		return usagef("--tsa-cert needs --anchor, the checkpoint that was stamped")
	}
	roots, err := stamp.LoadRoots(s.tsa)
	if err != nil {
		return usagef("--tsa-cert: %w", err)
	}
	token, err := os.ReadFile(file + stamp.Suffix) //nolint:gosec // beside the file that the user names
	if err != nil {
		return err
	}
	proved, err := stamp.Verify(token, checkpoint, roots)
	if err != nil {
		return notSealedError{err}
	}
	s.proved = &proved
	return nil
}
