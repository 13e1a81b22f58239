// Command witness runs litewitness, a witness of C2SP's tlog-witness that others have written, for
// tests. It holds the witness's key, as an SSH agent, and keeps it with the state in -dir, so a
// second start is the same witness.
//
// The witness serves one log, of -origin and -log-key, on a free port of 127.0.0.1. Once it
// answers, the command prints the line "URL KEY" with its public key. It stops when its standard
// input ends, which happens when the process that started it is gone, and the witness stops with
// it.
package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

func main() {
	var w witness
	flag.StringVar(&w.dir, "dir", "", "the directory of the witness's key and state")
	flag.StringVar(&w.programs, "programs", "", "the directory of the programs litewitness and witnessctl")
	flag.StringVar(&w.name, "name", "", "the name of the witness's key")
	flag.StringVar(&w.origin, "origin", "", "the origin of the log")
	flag.StringVar(&w.logKey, "log-key", "", "the public key of the log")
	flag.Parse()
	runtime.LockOSThread() // the witness is killed when the thread that started it ends
	if err := w.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type witness struct{ dir, programs, name, origin, logKey string }

func (w *witness) run() error {
	key, err := w.key()
	if err != nil {
		return err
	}
	signer, err := torchwood.NewCosignatureSigner(w.name, key)
	if err != nil {
		return err
	}
	socket := filepath.Join(w.dir, "agent")
	fingerprint, err := serveAgent(socket, key)
	if err != nil {
		return err
	}
	if err := w.addLog(); err != nil {
		return err
	}
	address, err := freePort()
	if err != nil {
		return err
	}
	server := w.command("litewitness", "-db", w.db(), "-name", w.name, "-ssh-agent", socket, "-key", fingerprint, "-listen", address)
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	if err := ready(address, ended); err != nil {
		return err
	}
	fmt.Printf("http://%s %s\n", address, signer.Verifier())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return server.Process.Kill()
}

func (w *witness) db() string { return filepath.Join(w.dir, "witness.db") }

// command returns a command that is killed with this process.
func (w *witness) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(w.programs, name), args...)
	cmd.Stderr = io.Discard // it logs each request
	cmd.SysProcAttr = killedWithParent()
	return cmd
}

// key returns the key of the witness, which it makes at the first start.
func (w *witness) key() (ed25519.PrivateKey, error) {
	path := filepath.Join(w.dir, "seed")
	seed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		seed = make([]byte, ed25519.SeedSize)
		_, _ = rand.Read(seed)
		err = os.WriteFile(path, seed, 0o600)
	}
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// addLog adds the log, unless an earlier start has.
func (w *witness) addLog() error {
	if _, err := os.Stat(w.db()); err == nil {
		return nil
	}
	for _, args := range [][]string{
		{"add-log", "-db", w.db(), "-origin", w.origin},
		{"add-key", "-db", w.db(), "-origin", w.origin, "-key", w.logKey},
	} {
		if err := w.command("witnessctl", args...).Run(); err != nil {
			return fmt.Errorf("witnessctl %s: %w", args[0], err)
		}
	}
	return nil
}

// serveAgent serves an SSH agent that has the key, and returns the fingerprint.
func serveAgent(socket string, key ed25519.PrivateKey) (fingerprint string, err error) {
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return "", err
	}
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: &key}); err != nil {
		return "", err
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // that of an earlier start
		return "", err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return "", err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keys, conn) }()
		}
	}()
	return ssh.FingerprintSHA256(public), nil
}

// freePort returns an address whose port was free just now: litewitness does not tell which it got.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// ready waits until the server accepts connections.
func ready(address string, ended <-chan error) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("litewitness has ended: %w", err)
		case <-ticker.C:
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
	}
}
