package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/seal/witness"
	"github.com/spf13/cobra"
)

type witnessCommand struct {
	*app

	key, listen string
	logs        []string
}

func (a *app) witness() *cobra.Command {
	c := &witnessCommand{app: a}
	cmd := &cobra.Command{
		Use:   "witness DIR",
		Short: "Confirm that ledgers of others show everybody the same history",
		Long: `Witness runs a small server that cosigns the checkpoints of sealed ledgers, until it is interrupted. It remembers in DIR the newest checkpoint of each ledger, and cosigns another one only if that continues it. Whoever writes the ledger cannot show an auditor another history, not even with the private key.

Run it on a machine that those who run the ledger cannot change, with a key of its own from deed keygen --witness. Never use a copy of DIR, or an old one: the witness would forget what it has cosigned. Make a new key then.

It speaks the protocol of C2SP's tlog-witness over HTTP. For other machines, put a proxy with TLS in front of it.`,
		Example: `deed witness /var/lib/witness --private-key w1.key --log shop.pub
deed witness /var/lib/witness --private-key w1.key --log shop.pub --log bank.pub --listen 127.0.0.1:7380`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.key, "private-key", "", "the `FILE` of the witness's private key, from deed keygen --witness")
	flags.StringArrayVar(&c.logs, "log", nil, "the public `KEY` of a ledger, as text or as the name of a file; may be repeated")
	flags.StringVar(&c.listen, "listen", "127.0.0.1:0", "the `ADDRESS` to listen on; port 0 is any that is free")
	return cmd
}

func (c *witnessCommand) run(ctx context.Context, dir string) (err error) {
	if c.key == "" || len(c.logs) == 0 {
		return usagef("name the private key with --private-key, and the ledgers' public keys with --log")
	}
	logs, err := readKeys("--log", c.logs)
	if err != nil {
		return err
	}
	key, err := witness.LoadKey(c.key)
	if err != nil {
		return err
	}
	w, err := witness.Open(dir, key, logs, witness.WithErrorHandler(c.complain))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", c.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	server := &http.Server{
		Handler: w, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	if _, err := fmt.Fprintf(c.stdout, "http://%s\n", listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	c.note("-- the public key is %s; interrupt to stop", term.Clean(key.Public()))
	return serveUntil(ctx, server, listener)
}

// serveUntil serves until ctx ends, and then finishes what was begun.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	const grace = 3 * time.Second
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if server.Shutdown(end) != nil {
		_ = server.Close() // what is not complete is cut off
	}
	return nil
}
