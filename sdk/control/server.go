package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Server answers the requests of commands. Its methods are safe for concurrent use.
type Server struct {
	listener *net.UnixListener
	remove   func(seq uint64) (first uint64, err error)
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

// maxConnections is how many requests are answered at the same time.
const maxConnections = 8

// Serve listens for the ledger in dir, which this process must have open for writing: a socket
// that another process has left is removed. Requests call remove, which is that of the ledger.
func Serve(dir string, remove func(seq uint64) (first uint64, err error)) (*Server, error) {
	if !supported() {
		return nil, errWindows
	}
	private := filepath.Join(dir, directoryName)
	if err := os.Mkdir(private, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("control: %w", err)
	}
	if err := checkPrivate(private); err != nil {
		return nil, err
	}
	path := socketPath(dir)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control: %w; the path of a socket has at most some 100 bytes", err)
	}
	s := &Server{listener: l, remove: remove, open: map[net.Conn]bool{}}
	s.running.Go(s.accept)
	return s, nil
}

// checkPrivate returns an error if others may enter the directory of the socket.
func checkPrivate(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("control: %s must be a directory that only its owner may enter; remove it", path)
	}
	return nil
}

// Close stops listening, ends open connections, and waits for requests that are being answered.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		_ = c.SetReadDeadline(time.Now()) // one that waits for its request ends
	}
	s.mu.Unlock()
	err := s.listener.Close() // removes the socket
	s.running.Wait()
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	return nil
}

// acceptPause is how long accept waits after an error, such as too many open files.
const acceptPause = 100 * time.Millisecond

func (s *Server) accept() {
	slots := make(chan struct{}, maxConnections)
	for {
		slots <- struct{}{}
		c, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			<-slots
			time.Sleep(acceptPause)
			continue
		}
		s.running.Go(func() {
			defer func() { <-slots }()
			s.serve(c)
		})
	}
}

// serve answers one request.
func (s *Server) serve(c net.Conn) {
	defer func() { _ = c.Close() }() // the client has its answer, or is gone
	_ = c.SetDeadline(time.Now().Add(timeout))
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.open[c] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, c)
	}()
	var asked request
	if read(c, &asked) != nil || asked.RemoveBefore == nil {
		_ = json.NewEncoder(c).Encode(response{Error: "control: the request is not understood; use the same version on both sides"})
		return
	}
	first, err := s.remove(*asked.RemoveBefore)
	answer := response{First: first}
	if err != nil {
		answer.Error = err.Error()
	}
	_ = json.NewEncoder(c).Encode(answer) // who has gone does not need it
}
