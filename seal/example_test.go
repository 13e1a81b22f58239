package seal_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"golang.org/x/mod/sumdb/note"
)

// A writer seals its ledger, an auditor verifies it and opens a proof.
func Example() {
	temp, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	dir, held, ctx := filepath.Join(temp, "ledger"), filepath.Join(temp, "checkpoint"), context.Background()

	// The writer.
	key, err := seal.CreateKey(filepath.Join(temp, "audit.key"), "example.com/audit")
	if err != nil {
		log.Fatal(err)
	}
	l, err := ledger.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	sealer, err := seal.Start(ctx, l, key, seal.WithAnchor(seal.AnchorFile(held)))
	if err != nil {
		log.Fatal(err) // an *AnchorError: it is not the ledger that was sealed
	}
	if _, err := l.Append(ctx, []byte("one"), []byte("two")); err != nil {
		log.Fatal(err)
	}
	if err := sealer.Close(ctx); err != nil {
		log.Fatal(err)
	}
	if err := l.Close(); err != nil {
		log.Fatal(err)
	}

	// The auditor has the public key and the checkpoint.
	public, err := seal.ParsePublicKey(key.Public())
	if err != nil {
		log.Fatal(err)
	}
	checkpoint, err := os.ReadFile(held)
	if err != nil {
		log.Fatal(err)
	}
	r, err := ledger.OpenReader(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	report, err := seal.Verify(ctx, r, seal.VerifyOptions{Keys: []note.Verifier{public}, Held: checkpoint})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("intact:", report.Intact(), "proved up to entry", report.Proved)

	proof, err := seal.Prove(seal.OpenDir(filepath.Join(dir, seal.DirName)), 2, []byte("two"), public)
	if err != nil {
		log.Fatal(err)
	}
	opened, err := seal.OpenProof(proof.Encode(), nil, public)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("proved: %s\n", opened.Entry)
	// Output:
	// intact: true proved up to entry 2
	// proved: two
}
