package auditmongo

import "sync"

// maxPending limits the commands in pending. A client sends one command at a time on
// each connection, so only lost replies can accumulate.
const maxPending = 10_000

// request identifies a command that was sent.
type request struct {
	connection string
	id         int64
}

// command is what the monitor keeps until the reply: a write, the collections of a bulk
// write, or otherwise a commit.
type command struct {
	write  *write
	bulk   []*collection
	commit transaction
}

// pending holds the commands that wait for a reply.
type pending struct {
	mu       sync.Mutex
	commands map[request]command
}

// add reports false if pending is full.
func (p *pending) add(r request, c command) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.commands) == maxPending {
		return false
	}
	if p.commands == nil {
		p.commands = make(map[request]command)
	}
	p.commands[r] = c
	return true
}

// take removes and returns a command.
func (p *pending) take(r request) (command, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.commands[r]
	if ok {
		delete(p.commands, r)
	}
	return c, ok
}
