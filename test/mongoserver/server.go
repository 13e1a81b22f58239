// Package mongoserver runs a MongoDB-compatible server for tests and benchmarks, as a process
// that they can kill. Tests that do not kill it use the real MongoDB in the variable MONGODB_URI
// if it is set, which supports more.
package mongoserver

import (
	"errors"
	"net/url"
	"os"
	"testing"

	"github.com/opendeed/audit/test/process"
)

// URI returns the URI of the real server, or "" if MONGODB_URI is not set.
func URI() string { return os.Getenv("MONGODB_URI") }

// Server is a server that can be killed. Its methods must not be called concurrently.
type Server struct {
	dir     string
	address string // assigned by the first start and kept by later ones
	process *process.Process
}

// Start starts a server with empty data. It is killed at the end of the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Kill)
	return s
}

// Open starts a server with its data in dir.
func Open(dir string) (*Server, error) {
	s := &Server{dir: dir, address: "127.0.0.1:0"}
	err := s.Run()
	return s, err
}

// URI returns the URI of the server. It stays the same after a restart.
func (s *Server) URI() string { return "mongodb://" + s.address + "/?retryWrites=false" }

// Address returns the host and port of the server.
func (s *Server) Address() string { return s.address }

// Run starts the server. A restart after Kill keeps the address and the data.
func (s *Server) Run() error {
	if s.process != nil {
		return errors.New("the server is running")
	}
	program, err := process.Build("ferretdb")
	if err != nil {
		return err
	}
	p, line, err := process.Start(program, "-listen", s.address, "-dir", s.dir)
	if err != nil {
		return err
	}
	uri, err := url.Parse(line)
	if err != nil {
		p.Kill()
		return err
	}
	s.process = p
	s.address = uri.Host
	return nil
}

// Kill ends the server immediately, without a chance to clean up. It does nothing if the server
// is not running.
func (s *Server) Kill() {
	s.process.Kill()
	s.process = nil
}
