package cli

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/opendeed/audit/seal/serve"
	"github.com/spf13/cobra"
)

type sealServeCommand struct {
	*app

	listen, token string
}

func (a *app) sealServe() *cobra.Command {
	c := &sealServeCommand{app: a}
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Publish checkpoints and hashes over HTTP, as a log of tlog-tiles",
		Long: `Serve publishes a sealed ledger as a log of C2SP's tlog-tiles, until it is interrupted, also beside the process that writes the ledger. Everybody who reaches it can read the newest checkpoint and the tiles of hashes, which tell nothing about records that cannot be guessed. Tools of other people can monitor and check the log.

The bundles hold the records. They are served only to those who send a secret token: put it into a file that nobody else can read, and name that with --bundles.`,
		Example: `deed seal serve /var/lib/shop/audit --listen 127.0.0.1:7390
deed seal serve /var/lib/shop/audit --bundles /etc/shop/bundles.token`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().StringVar(&c.listen, "listen", "127.0.0.1:0", "the `ADDRESS` to listen on; port 0 is any that is free")
	cmd.Flags().StringVar(&c.token, "bundles", "", "serve bundles of records to requests with the header Authorization: Bearer and the token in this `FILE`")
	return cmd
}

// minToken is how long a token must be, in bytes.
const minToken = 16

var errToken = errors.New("the token is wrong")

func (c *sealServeCommand) run(ctx context.Context, dir string) error {
	options := []serve.Option{serve.WithErrorHandler(c.complain)}
	if c.token != "" {
		content, err := os.ReadFile(c.token)
		if err != nil {
			return usagef("--bundles: %w", err)
		}
		token := strings.TrimSpace(string(content))
		if len(token) < minToken {
			return usagef("--bundles: the token in %s has fewer than %d bytes; make a random one", c.token, minToken)
		}
		r, err := c.openLedger(dir)
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }() // read only
		options = append(options, serve.WithBundles(r, func(r *http.Request) error {
			if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
				return errToken
			}
			return nil
		}))
	}
	files := sealFiles(dir)
	if _, err := files.Read("checkpoint"); err != nil {
		return explainSeal(dir, err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", c.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	server := &http.Server{
		Handler: serve.New(files, options...), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	if _, err := fmt.Fprintf(c.stdout, "http://%s\n", listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	c.note("-- interrupt to stop")
	return serveUntil(ctx, server, listener)
}
