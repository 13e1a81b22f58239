// Package mongoserver starts the MongoDB-compatible server that tests and benchmarks
// talk to, as a process that they can kill. Where the variable MONGODB_URI is set, it
// is the server there instead, which can do more but is not to be killed.
package mongoserver

import (
	"errors"
	"net/url"
	"os"
	"testing"

	"github.com/opendeed/audit/test/process"
)

// URI returns that of the real server, or nothing.
func URI() string { return os.Getenv("MONGODB_URI") }

// Server is a server that can be killed. Its methods are not for concurrent use.
type Server struct {
	dir     string
	address string // chosen by the first start; later ones keep it
	process *process.Process
}

// Start starts a server of the test's own, which ends with the test.
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

// URI is that of the server, the same after a restart.
func (s *Server) URI() string { return "mongodb://" + s.address + "/?retryWrites=false" }

// Address is the host and port.
func (s *Server) Address() string { return s.address }

// Run starts the server, again on the same address and data.
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

// Kill ends the server at once, if it runs: nothing is told to it.
func (s *Server) Kill() {
	s.process.Kill()
	s.process = nil
}
