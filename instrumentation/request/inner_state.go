package request

import (
	"sync"

	"github.com/opendeed/audit"
)

// innerState is what an exchange knows of those inside it, which may outlast it.
type innerState struct {
	mu       sync.Mutex
	running  int
	target   audit.Target // the last that a handler set
	reported bool         // missing coverage was reported, by this exchange or an inner one
}

func (s *innerState) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
}

func (s *innerState) end(reported bool, target audit.Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.reported = s.reported || reported
	if target != (audit.Target{}) {
		s.target = target
	}
}

func (s *innerState) isRunning() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running > 0
}

func (s *innerState) isReported() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reported
}

func (s *innerState) setReported() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reported = true
}

func (s *innerState) lastTarget() audit.Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.target
}
