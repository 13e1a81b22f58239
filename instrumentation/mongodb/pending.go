package auditmongo

import (
	"container/list"
	"sync"
)

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
	commands map[request]*list.Element
	order    list.List // of waiting, the oldest first
}

type waiting struct {
	request request
	command command
}

// add adds a command. If there are too many, it removes and returns the oldest one, whose
// reply was most likely lost.
func (p *pending) add(r request, c command) (oldest command, removed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.commands == nil {
		p.commands = make(map[request]*list.Element)
	}
	if len(p.commands) == maxPending {
		first, _ := p.order.Remove(p.order.Front()).(waiting)
		delete(p.commands, first.request)
		oldest, removed = first.command, true
	}
	if earlier, ok := p.commands[r]; ok {
		p.order.Remove(earlier)
	}
	p.commands[r] = p.order.PushBack(waiting{r, c})
	return oldest, removed
}

// take removes and returns a command.
func (p *pending) take(r request) (command, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	element, ok := p.commands[r]
	if !ok {
		return command{}, false
	}
	delete(p.commands, r)
	w, _ := p.order.Remove(element).(waiting)
	return w.command, true
}
