package mongodb_test

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// wire is no server: it says that it is the primary of a replica set, answers every
// command with ok, and keeps what it was sent. It is for looking at commands that the
// server of the tests does not know, as those of transactions.
type wire struct {
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex
	commands []bson.D
	opened   []net.Conn
}

func newWire(t *testing.T) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: listener}
	w.running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.opened = append(w.opened, c)
			w.mu.Unlock()
			w.running.Go(func() { w.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		w.mu.Lock()
		for _, c := range w.opened {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.running.Wait()
	})
	return w
}

func (w *wire) uri() string {
	return "mongodb://" + w.listener.Addr().String() + "/?directConnection=true"
}

// sent returns the commands of a name.
func (w *wire) sent(name string) []bson.D {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []bson.D
	for _, c := range w.commands {
		if c[0].Key == name {
			found = append(found, c)
		}
	}
	return found
}

// The messages of the protocol that drivers use: a query, for the first greeting, its
// reply, and what all else is.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

func (w *wire) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	le := binary.LittleEndian
	for {
		header := make([]byte, 16)
		if _, err := io.ReadFull(c, header); err != nil {
			return
		}
		body := make([]byte, le.Uint32(header)-16)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		request, kind := le.Uint32(header[4:]), le.Uint32(header[12:])
		var reply []byte
		switch kind {
		case opQuery:
			reply = append(make([]byte, 16), 1, 0, 0, 0) // flags, cursor, place, and one document
			reply = append(reply, w.greeting()...)
			kind = opReply
		case opMsg:
			reply = append(make([]byte, 4), 0) // flags, and a document
			reply = append(reply, w.answer(body)...)
		default:
			return
		}
		message := le.AppendUint32(nil, uint32(16+len(reply)))
		message = le.AppendUint32(message, 1)
		message = le.AppendUint32(message, request)
		message = le.AppendUint32(message, kind)
		if _, err := c.Write(append(message, reply...)); err != nil {
			return
		}
	}
}

// answer keeps the command, with the documents that come beside it.
func (w *wire) answer(body []byte) bson.Raw {
	le := binary.LittleEndian
	var command bson.D
	for rest := body[4:]; len(rest) > 4; {
		kind, size := rest[0], le.Uint32(rest[1:])
		section := rest[1 : 1+size]
		rest = rest[1+size:]
		if kind == 0 {
			if bson.Unmarshal(section, &command) != nil {
				return nil
			}
		}
	}
	if len(command) == 0 {
		return nil
	}
	if name := command[0].Key; name == "hello" || name == "isMaster" {
		return w.greeting()
	}
	w.mu.Lock()
	w.commands = append(w.commands, command)
	w.mu.Unlock()
	nothing := bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "a.b"}, {Key: "firstBatch", Value: bson.A{}}}
	ok, err := bson.Marshal(bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: int32(1)}, {Key: "cursor", Value: nothing}})
	if err != nil {
		return nil
	}
	return ok
}

func (w *wire) greeting() bson.Raw {
	self := w.listener.Addr().String()
	b, err := bson.Marshal(bson.D{
		{Key: "ok", Value: 1},
		{Key: "helloOk", Value: true},
		{Key: "ismaster", Value: true},
		{Key: "isWritablePrimary", Value: true},
		{Key: "setName", Value: "rs"},
		{Key: "hosts", Value: bson.A{self}},
		{Key: "primary", Value: self},
		{Key: "me", Value: self},
		{Key: "maxBsonObjectSize", Value: int32(16 << 20)},
		{Key: "maxMessageSizeBytes", Value: int32(48 << 20)},
		{Key: "maxWriteBatchSize", Value: int32(100_000)},
		{Key: "localTime", Value: time.Now()},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "minWireVersion", Value: int32(0)},
		{Key: "maxWireVersion", Value: int32(25)},
	})
	if err != nil {
		return nil
	}
	return b
}
