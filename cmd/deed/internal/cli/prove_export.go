package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opendeed/audit/cmd/deed/internal/aside"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/seal"
	"github.com/spf13/cobra"
)

// proofSuffix is that of the proof of an export.
const proofSuffix = ".proof"

type proveExportCommand struct {
	*app
	publicKeys

	ledger string
}

func (a *app) proveExport() *cobra.Command {
	c := &proveExportCommand{app: a}
	cmd := &cobra.Command{
		Use:   "prove-export FILE",
		Short: "Write the proof of an export in JSON lines",
		Long: `Prove-export writes FILE.proof, which proves that every record of an export was sealed. FILE has JSON lines, from deed export. Whoever has both files and the public key can check them with deed verify-export.

The proof has those hashes only that do not follow from the records themselves.`,
		Example: `deed export --on 2026-11 --out november.jsonl
deed prove-export november.jsonl --ledger audit-ledger --key audit.key.pub`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.run(args[0]) },
	}
	c.register(cmd)
	cmd.Flags().StringVar(&c.ledger, "ledger", source.DefaultDir, "the `DIRECTORY` of the sealed ledger")
	return cmd
}

func (c *proveExportCommand) run(file string) error {
	keys, err := c.verifiers()
	if err != nil {
		return err
	}
	hashes, err := hashLines(file)
	if err != nil {
		return err
	}
	proof, err := seal.ProveAll(sealFiles(c.ledger), hashes, keys...)
	if errors.Is(err, seal.ErrNotSealed) {
		return fmt.Errorf("%s: %w; if that was not recorded just now, the file was changed, is not in JSON lines, or is of another ledger than %s",
			term.Clean(file), err, term.Clean(c.ledger))
	}
	if err != nil {
		return explainSeal(c.ledger, err)
	}
	if err := aside.Replace(file+proofSuffix, proof.Encode()); err != nil {
		return err
	}
	c.note("-- %s: proves %s with %s hashes", term.Clean(file+proofSuffix), howMany(int64(len(hashes)), "record"), term.Count(int64(len(proof.Hashes))))
	return nil
}

// hashLines returns the hashes of the lines of a file.
func hashLines(file string) (hashes []seal.Hash, err error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) > 0 {
			hashes = append(hashes, seal.HashLeaf(line))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if len(hashes) == 0 {
		return nil, fmt.Errorf("%s has no records", file)
	}
	return hashes, nil
}

type verifyExportCommand struct {
	*app
	publicKeys
	witnessPolicy

	proof string
}

func (a *app) verifyExport() *cobra.Command {
	c := &verifyExportCommand{app: a}
	cmd := &cobra.Command{
		Use:   "verify-export FILE",
		Short: "Check that every record of an export was sealed",
		Long: `Verify-export checks an export in JSON lines against its proof, FILE.proof from deed prove-export: every record in it is genuine. If the records are all those of a part of the ledger, it says so: then none was left out there either. Of other exports, which have a filter, nobody can tell from the outside whether a record that matches was left out.

If the manifest FILE.manifest.json is there, it must be that of this file. Verify-export prints the stores, the filter and the times that it names. It is not signed: the records are proved, and not how they were chosen.

Exit codes: 0 every record was sealed, 4 not every one, 3 the files cannot be read.`,
		Example: "deed verify-export november.jsonl --key audit.key.pub",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return c.run(args[0]) },
	}
	c.publicKeys.register(cmd)
	c.witnessPolicy.register(cmd)
	cmd.Flags().StringVar(&c.proof, "proof", "", "the `FILE` with the proof, if it is not FILE.proof")
	return cmd
}

func (c *verifyExportCommand) run(file string) error {
	keys, err := c.verifiers()
	if err == nil {
		err = c.load()
	}
	if err != nil {
		return err
	}
	if c.proof == "" {
		c.proof = file + proofSuffix
	}
	text, err := os.ReadFile(c.proof)
	if err != nil {
		return fmt.Errorf("%w; deed prove-export writes it", err)
	}
	hashes, err := hashLines(file)
	if err != nil {
		return err
	}
	proof, err := seal.OpenBatchProof(text, keys...)
	if err == nil {
		err = proof.Check(hashes)
	}
	if errors.Is(err, seal.ErrNotProved) {
		return notSealedError{fmt.Errorf("%s, by %s: %w", file, c.proof, err)}
	}
	if err == nil {
		err = c.check(&proof.Checkpoint)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.proof, err)
	}
	manifest, err := readManifest(file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "%s: %s, all sealed in %s\n%s%s", term.Clean(file), howMany(int64(len(hashes)), "record"), term.Clean(proof.Checkpoint.Origin),
		provedText(proof), manifestText(file, manifest))
	return err
}
