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

// fakeServer claims to be the primary of a replica set, confirms every command and keeps the
// commands. Tests use it for commands that the server of the tests does not support, such as those
// of transactions.
type fakeServer struct {
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex
	commands []bson.D
	scripts  map[string][]bson.D // replies, by the name of their command
	opened   []net.Conn
}

func newFakeServer(t *testing.T) *fakeServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &fakeServer{listener: listener}
	s.running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.opened = append(s.opened, c)
			s.mu.Unlock()
			s.running.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.mu.Lock()
		for _, c := range s.opened {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.running.Wait()
	})
	return s
}

func (s *fakeServer) uri() string {
	return "mongodb://" + s.listener.Addr().String() + "/?directConnection=true"
}

// script sets the replies to the next commands with a name. An empty one closes the
// connection.
func (s *fakeServer) script(name string, replies ...bson.D) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scripts == nil {
		s.scripts = map[string][]bson.D{}
	}
	s.scripts[name] = replies
}

// sent returns the received commands with a name.
func (s *fakeServer) sent(name string) []bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []bson.D
	for _, c := range s.commands {
		if c[0].Key == name {
			found = append(found, c)
		}
	}
	return found
}

// The types of messages that drivers use: a query for the first greeting, its reply, and a message
// for all other requests and replies.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

func (s *fakeServer) serve(c net.Conn) {
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
			reply = append(make([]byte, 16), 1, 0, 0, 0) // flags, cursor, offset; one document follows
			reply = append(reply, s.greeting()...)
			kind = opReply
		case opMsg:
			reply = append(make([]byte, 4), 0) // flags; a document follows
			answer := s.answer(body)
			if len(answer) == 0 {
				return
			}
			reply = append(reply, answer...)
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

// answer keeps the command and returns its reply.
func (s *fakeServer) answer(body []byte) bson.Raw {
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
		return s.greeting()
	}
	s.mu.Lock()
	s.commands = append(s.commands, command)
	script := s.scripts[command[0].Key]
	if len(script) > 0 {
		s.scripts[command[0].Key] = script[1:]
	}
	s.mu.Unlock()
	if len(script) > 0 {
		if len(script[0]) == 0 {
			return nil
		}
		reply, err := bson.Marshal(script[0])
		if err != nil {
			return nil
		}
		return reply
	}
	cursor := bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "a.b"}, {Key: "firstBatch", Value: bson.A{}}}
	ok, err := bson.Marshal(bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: int32(1)}, {Key: "cursor", Value: cursor}})
	if err != nil {
		return nil
	}
	return ok
}

func (s *fakeServer) greeting() bson.Raw {
	self := s.listener.Addr().String()
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
