// Signer keeps the private key of a seal in a process of its own, as a key management service does.
// The service that writes the audit trail never sees the key: it asks for signatures over a socket
// that only its own user can reach.
//
//	deed keygen shop.example.com/audit audit.key
//	go run ./signer hold audit.key /run/user/1000/audit-signer
//	go run ./signer write /run/user/1000/audit-signer audit-ledger
//	deed verify audit-ledger --key audit.key.pub --anchor audit-ledger.checkpoint
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/seal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "signer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "hold":
		return hold(ctx, args[1], args[2])
	case len(args) == 3 && args[0] == "write":
		return write(ctx, args[1], args[2])
	}
	return errors.New("usage: signer hold KEY-FILE SOCKET-DIRECTORY, or signer write SOCKET-DIRECTORY LEDGER-DIRECTORY")
}

// write tracks one event in a ledger that is sealed with a key of another process.
func write(ctx context.Context, socketDir, ledgerDir string) error {
	key, err := dial(ctx, socketDir)
	if err != nil {
		return err
	}
	// A real service has its anchor on another machine: see docs/seal-keys.md.
	anchor := seal.AnchorFile(ledgerDir + ".checkpoint")
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(ledgerDir), sdk.WithSeal(key, seal.WithAnchor(anchor)))
	if err != nil {
		return err
	}
	err = provider.Tracker("shop").Track(ctx, audit.Event{
		Action: "invoice.approve", Actor: audit.User("alice"), Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "invoice", ID: "1001"},
	})
	return errors.Join(err, provider.Shutdown(ctx))
}
