package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/seal/witness"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

func (a *app) keygen() *cobra.Command {
	var cosigns bool
	cmd := &cobra.Command{
		Use:   "keygen NAME FILE",
		Short: "Make a key that seals ledgers, or that of a witness",
		Long: `Keygen makes an Ed25519 key. It stores the private part in FILE, which only you can read and which must not exist, and the public part in FILE.pub, and prints that.

NAME says whose key it is, as a host with a path. It stays the same when the key is replaced.

Give the public key to whoever is to verify the ledger. They must get it from you, not from the directory of the ledger.

With --witness it is a key for deed witness. It seals nothing.`,
		Example: `deed keygen shop.example.com/audit /etc/shop/audit.key
deed keygen --witness witness.example.org/w1 /etc/witness/w1.key`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := createKey(args[1], args[0], cosigns)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, key.Public())
			return err
		},
	}
	cmd.Flags().BoolVar(&cosigns, "witness", false, "make the key of a witness")
	return cmd
}

// createKey makes a key for a ledger, or for a witness.
func createKey(path, name string, cosigns bool) (interface{ Public() string }, error) {
	if cosigns {
		return witness.CreateKey(path, name)
	}
	return seal.CreateKey(path, name)
}

// publicKeys are those by which checkpoints are verified.
type publicKeys struct{ texts []string }

func (p *publicKeys) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&p.texts, "key", nil, "the public `KEY` of the ledger, as text or as the name of a file; may be repeated; DEED_KEY does the same")
}

// given reports whether there is a key.
func (p *publicKeys) given() bool { return len(p.texts) > 0 || os.Getenv("DEED_KEY") != "" }

// verifiers returns the keys.
func (p *publicKeys) verifiers() ([]note.Verifier, error) {
	texts := p.texts
	if len(texts) == 0 {
		texts = strings.Fields(os.Getenv("DEED_KEY"))
	}
	if len(texts) == 0 {
		return nil, usagef("name the public key with --key, as deed keygen has printed it: without it, anybody could have signed")
	}
	return readKeys("--key", texts)
}

// readKeys reads public keys, which are texts or the names of files.
func readKeys(flag string, texts []string) (keys []note.Verifier, err error) {
	for _, text := range texts {
		if !strings.Contains(text, "+") {
			content, err := os.ReadFile(text) //nolint:gosec // the file that the user names
			if err != nil {
				return nil, usagef("%s: %w", flag, err)
			}
			text = string(content)
		}
		key, err := seal.ParsePublicKey(text)
		if err != nil {
			return nil, usagef("%s: %w", flag, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// witnessPolicy is the flag that demands cosignatures.
type witnessPolicy struct {
	file   string
	policy *witness.Policy // nil: none is demanded
}

func (p *witnessPolicy) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "witness-policy", "", "the `FILE` that says which witnesses must have cosigned")
}

// load reads the policy.
func (p *witnessPolicy) load() (err error) {
	if p.file == "" {
		return nil
	}
	if p.policy, err = witness.LoadPolicy(p.file); err != nil {
		return usagef("--witness-policy: %w", err)
	}
	return nil
}

// check returns an error that matches errNotSealed if too few have cosigned a checkpoint.
func (p *witnessPolicy) check(c *seal.Checkpoint) error {
	if p.policy == nil {
		return nil
	}
	if err := p.policy.Check(c.Note); err != nil {
		return notSealedError{err}
	}
	return nil
}

// cosigners names the witnesses that have cosigned a checkpoint, and when.
func (p *witnessPolicy) cosigners(c *seal.Checkpoint) string {
	all, _ := p.policy.Cosignatures(c.Note) // they were enough
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = fmt.Sprintf("%s at %s", term.Clean(one.Witness), one.Time.Format(time.RFC3339))
	}
	return strings.Join(names, ", ")
}

// sealFiles returns the files of a ledger's seal.
func sealFiles(dir string) seal.Files { return seal.OpenDir(filepath.Join(dir, seal.DirName)) }

// sealedOf returns the ledgers that are sealed.
func sealedOf(dirs []string) (found []string) {
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, seal.DirName)); err == nil {
			found = append(found, dir)
		}
	}
	return found
}

// explainSeal adds what to do to an error about the files of a seal.
func explainSeal(dir string, err error) error {
	if _, statErr := os.Stat(filepath.Join(dir, seal.DirName)); err != nil && os.IsNotExist(statErr) {
		return fmt.Errorf("%s is not sealed; seal it with sdk.WithSeal, or with deed seal now", term.Clean(dir))
	}
	return err
}
