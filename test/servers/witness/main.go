// Command witness runs OmniWitness, a witness of C2SP's tlog-witness that others have written, for
// tests. It keeps the witness's key and state in -dir, so a second start is the same witness.
//
// The witness serves one log, of -origin and -log-key, on a free port of 127.0.0.1. The command
// prints the line "URL KEY" with its public key. It stops when its standard input ends, which
// happens when the process that started it is gone.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	formats "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/config"
	"github.com/transparency-dev/witness/omniwitness"
	"github.com/transparency-dev/witness/persistence/sqlite"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	var w server
	flag.StringVar(&w.dir, "dir", "", "the directory of the witness's key and state")
	flag.StringVar(&w.name, "name", "", "the name of the witness's key")
	flag.StringVar(&w.origin, "origin", "", "the origin of the log")
	flag.StringVar(&w.logKey, "log-key", "", "the public key of the log")
	flag.Parse()
	if err := w.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type server struct{ dir, name, origin, logKey string }

func (w *server) run(ctx context.Context) error {
	private, public, err := w.key()
	if err != nil {
		return err
	}
	public, err = formats.VKeyToCosignatureV1(public)
	if err != nil {
		return err
	}
	signer, err := formats.NewSignerForCosignatureV1(private)
	if err != nil {
		return err
	}
	state, closeState, err := sqlite.New(ctx, sqlite.Opts{Path: filepath.Join(w.dir, "witness.db"), MaxOpenConns: 1})
	if err != nil {
		return err
	}
	defer func() { _ = closeState() }()
	if err := state.Init(ctx); err != nil {
		return err
	}
	logKey, err := note.NewVerifier(w.logKey)
	if err != nil {
		return err
	}
	if err := state.AddLogs(ctx, []config.Log{{VKey: w.logKey, Verifier: logKey, Origin: w.origin}}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	fmt.Printf("http://%s %s\n", l.Addr(), public)
	err = omniwitness.Main(ctx, omniwitness.OperatorConfig{
		WitnessKeys: []note.Signer{signer}, WitnessVerifier: signer.Verifier(), Logs: state,
	}, state, l, http.DefaultClient)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// key returns the key of the witness, which it makes at the first start.
func (w *server) key() (private, public string, err error) {
	path := filepath.Join(w.dir, "key")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		private, public, err = note.GenerateKey(rand.Reader, w.name)
		if err != nil {
			return "", "", err
		}
		return private, public, os.WriteFile(path, []byte(private+"\n"+public), 0o600)
	}
	private, public, _ = strings.Cut(string(text), "\n")
	return private, public, err
}
