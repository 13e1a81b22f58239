package auditmongo

import "sync"

// maxPending is how many commands are remembered at most. A client has one on each
// connection, so that only lost answers can add up to it.
const maxPending = 10_000

// request names a command that was sent.
type request struct {
	connection string
	id         int64
}

// command is what is remembered of a command until it is answered: a write, a bulk
// write, or else the commit of a transaction.
type command struct {
	write  *write
	bulk   []*collection
	commit transaction
}

// pending keeps the commands that were sent and not answered yet.
type pending struct {
	mu       sync.Mutex
	commands map[request]command
}

// add reports false if there are too many.
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

func (p *pending) take(r request) (command, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.commands[r]
	if ok {
		delete(p.commands, r)
	}
	return c, ok
}
