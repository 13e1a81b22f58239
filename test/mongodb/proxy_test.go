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

// fault is what a proxy does to those who go through it.
type fault int32

const (
	passOn   fault = iota
	drop           // cuts connections, and refuses new ones
	stall          // takes everything and answers nothing
	cutReply       // cuts a connection when an insert has been answered
	slow           // takes 50 ms for each piece
)

// proxy stands between a client and a server, on loopback.
type proxy struct {
	listener net.Listener
	server   string
	fault    atomic.Int32
	cuts     atomic.Int32 // replies that were cut
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

// be changes what the proxy does.
func (p *proxy) be(f fault) {
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

// link is one connection.
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

// insertCommand is what a request has that inserts.
var insertCommand = []byte("\x02insert\x00")

func (l *link) copy(to io.Writer, from io.Reader, answers bool) {
	defer l.close()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		for l.proxy.is(stall) {
			time.Sleep(10 * time.Millisecond)
		}
		if l.proxy.is(slow) {
			time.Sleep(50 * time.Millisecond)
		}
		if answers {
			if l.inserting.Swap(false) && l.proxy.is(cutReply) {
				l.proxy.cuts.Add(1)
				return
			}
		} else if bytes.Contains(piece[:n], insertCommand) {
			l.inserting.Store(true)
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}
