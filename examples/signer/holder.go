package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opendeed/audit/seal"
	"golang.org/x/mod/sumdb/note"
)

const (
	socketName = "socket"
	maxText    = 4 << 10 // of a checkpoint, in bytes
)

// hold signs with the key in a file until ctx ends.
func hold(ctx context.Context, keyFile, dir string) error {
	key, err := seal.LoadKey(keyFile) // it checks that nobody else can read the file
	if err != nil {
		return err
	}
	private, err := os.ReadFile(keyFile) //nolint:gosec // the file that the user names
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(private)))
	if err != nil {
		return errors.New("the file is not a private key")
	}
	listener, err := listen(ctx, dir)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /public", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, key.Public()) })
	mux.HandleFunc("POST /sign", func(w http.ResponseWriter, r *http.Request) { sign(w, r, signer) })
	server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// listen opens the socket, in a directory that only this user can enter.
func listen(ctx context.Context, dir string) (net.Listener, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory must be entered
		return nil, err
	}
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // that of a process that was killed
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return listener, os.Chmod(path, 0o600)
}

// sign signs a checkpoint, and nothing else.
func sign(w http.ResponseWriter, r *http.Request, signer note.Signer) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxText))
	if err != nil {
		http.Error(w, "the text cannot be read", http.StatusBadRequest)
		return
	}
	c, err := seal.UnverifiedCheckpoint(append(text, '\n'))
	if err != nil || !strings.HasPrefix(c.Origin, signer.Name()+"/") {
		http.Error(w, "this key signs checkpoints of its own ledgers only", http.StatusForbidden)
		return
	}
	signature, err := signer.Sign(text)
	if err != nil {
		http.Error(w, "the key does not sign", http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(os.Stderr, "signed %d leaves of %s\n", c.Size, c.Origin)
	_, _ = w.Write(signature)
}
