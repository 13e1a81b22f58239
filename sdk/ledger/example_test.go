package ledger_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/opendeed/audit/sdk/ledger"
)

// A writer, a consumer with a cursor, and a reader.
func Example() {
	temp, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	dir := filepath.Join(temp, "ledger")
	l, err := ledger.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	first, err := l.Append(ctx, []byte("one"), []byte("two"))
	if err != nil {
		log.Fatal(err) // nothing was stored, unless it matches ErrMaybeStored
	}
	fmt.Println("first entry:", first)

	cursor, err := l.Cursor("mongodb")
	if err != nil {
		log.Fatal(err)
	}
	entries, err := cursor.Next(ctx, 100, 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	if err := cursor.Commit(entries[len(entries)-1].Seq); err != nil {
		log.Fatal(err)
	}
	fmt.Println("committed through", cursor.Committed())

	r, err := ledger.OpenReader(dir) // works from another process, too
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range r.Entries(ctx, 2) {
		fmt.Println(e.Seq, string(e.Data), err)
	}
	if err := r.Close(); err != nil {
		log.Fatal(err)
	}
	if err := l.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// first entry: 1
	// committed through 2
	// 2 two <nil>
}
