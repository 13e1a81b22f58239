package mongodb_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fault is the behavior of a proxy.
type fault int32

const (
	forward  fault = iota
	drop           // closes connections and refuses new ones
	stall          // accepts everything and forwards nothing
	cutReply       // closes a connection instead of forwarding the reply to an insert
	slow           // delays each chunk by 50 ms
)

// proxy forwards connections between clients and a server on loopback.
type proxy struct {
	listener net.Listener
	server   string
	fault    atomic.Int32
	cuts     atomic.Int32 // number of replies that were cut
	running  sync.WaitGroup

	mu     sync.Mutex
	opened map[net.Conn]bool
	closed bool
}

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener, server: server, opened: map[net.Conn]bool{}}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.cutAll()
		p.running.Wait()
	})
	return p
}

func (p *proxy) uri() string {
	return "mongodb://" + p.listener.Addr().String() + "/?retryWrites=false&serverSelectionTimeoutMS=2000&connectTimeoutMS=2000"
}

// set changes the behavior of the proxy.
func (p *proxy) set(f fault) {
	p.fault.Store(int32(f))
	if f == drop {
		p.cutAll()
	}
}

func (p *proxy) is(f fault) bool { return fault(p.fault.Load()) == f }

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.opened {
		_ = c.Close()
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.is(drop) {
			_ = client.Close()
			continue
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{proxy: p, client: client, server: server}
		p.mu.Lock()
		p.opened[client], p.opened[server] = true, true
		closed := p.closed
		p.mu.Unlock()
		if closed {
			l.close()
		}
		p.running.Go(func() { l.copy(server, client, false) })
		p.running.Go(func() { l.copy(client, server, true) })
	}
}

// link is a client's connection and the connection to the server for it.
type link struct {
	proxy          *proxy
	client, server net.Conn
	inserting      atomic.Bool // the last request was an insert
}

func (l *link) close() {
	_, _ = l.client.Close(), l.server.Close()
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	delete(l.proxy.opened, l.client)
	delete(l.proxy.opened, l.server)
}

// insertCommand is part of every request that inserts.
var insertCommand = []byte("\x02insert\x00")

// copy forwards data in one direction until an error or a fault ends the link. replies is true for
// the direction to the client.
func (l *link) copy(to io.Writer, from io.Reader, replies bool) {
	defer l.close()
	chunk := make([]byte, 32<<10)
	for {
		n, err := from.Read(chunk)
		if err != nil {
			return
		}
		for l.proxy.is(stall) {
			time.Sleep(10 * time.Millisecond)
		}
		if l.proxy.is(slow) {
			time.Sleep(50 * time.Millisecond)
		}
		if replies {
			if l.inserting.Swap(false) && l.proxy.is(cutReply) {
				l.proxy.cuts.Add(1)
				return
			}
		} else if bytes.Contains(chunk[:n], insertCommand) {
			l.inserting.Store(true)
		}
		if _, err := to.Write(chunk[:n]); err != nil {
			return
		}
	}
}
