// Package pgserver runs a PostgreSQL server for tests, from the programs that the system has.
package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNotInstalled is the error of Start if the system has no PostgreSQL.
var ErrNotInstalled = errors.New("PostgreSQL is not installed: its programs are neither in PATH nor in /usr/lib/postgresql")

// maxStart bounds how long a server may take until it is ready.
const maxStart = time.Minute

// Server is a running server with an empty database. It listens on a Unix socket in a
// directory of its own, which only its user can enter.
type Server struct {
	dir  string
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the server has ended
}

// Start starts a server. It runs until Stop and, on Linux, no longer than the calling process.
// PostgreSQL refuses to run as root, so under root it runs as the user postgres or nobody.
func Start() (*Server, error) {
	programs, err := find()
	if err != nil {
		return nil, err
	}
	s := &Server{done: make(chan struct{})}
	if s.dir, err = os.MkdirTemp("", "postgres"); err != nil {
		return nil, err
	}
	if err := s.start(programs); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) start(programs string) error {
	attributes, err := ownedBy(s.dir)
	if err != nil {
		return err
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), filepath.Join(programs, name), args...)
		cmd.Dir, cmd.SysProcAttr = s.dir, attributes
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		return cmd
	}
	data := filepath.Join(s.dir, "data")
	initialize := command("initdb", "--pgdata="+data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
	if out, err := initialize.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		return err
	}
	cmd := command("postgres", "-D", data, "-k", s.dir, "-c", "listen_addresses=", "-c", "fsync=off")
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	go func() {
		_ = cmd.Wait() // the log says why
		close(s.done)
	}()
	return s.await()
}

// await waits until the server accepts connections.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), maxStart)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := pgx.Connect(ctx, s.URI())
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("postgres has ended:\n%s", s.lastLines())
		case <-ctx.Done():
			return fmt.Errorf("postgres is not ready: %w\n%s", err, s.lastLines())
		}
	}
}

// lastLines returns the end of the log.
func (s *Server) lastLines() []byte {
	const limit = 20
	b, _ := os.ReadFile(s.log.Name())
	lines := bytes.SplitAfter(b, []byte("\n"))
	return bytes.Join(lines[max(len(lines)-limit, 0):], nil)
}

// URI returns how to connect to the server.
func (s *Server) URI() string {
	return "host=" + s.dir + " user=postgres dbname=postgres sslmode=disable"
}

// Stop ends the server at once and removes its data. It does nothing if s is nil.
func (s *Server) Stop() error {
	if s == nil {
		return nil
	}
	var errs []error
	if s.cmd != nil {
		errs = append(errs, quit(s.cmd.Process))
		<-s.done
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// find returns the directory with PostgreSQL's programs, of the latest version if there are
// several. Debian's are not in PATH.
func find() (string, error) {
	if program, err := exec.LookPath("postgres"); err == nil {
		if program, err = filepath.EvalSymlinks(program); err == nil {
			return filepath.Dir(program), nil
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/??/bin/postgres", "/usr/pgsql-*/bin/postgres"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return filepath.Dir(slices.Max(found)), nil
		}
	}
	return "", ErrNotInstalled
}
