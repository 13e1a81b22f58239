// Package lockedbuffer has a buffer that tests read while others write it.
package lockedbuffer

import (
	"strings"
	"sync"
)

// Buffer is a text that is written and read concurrently. Its zero value is empty.
type Buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write appends to the text.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns the text so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Count returns how often the text so far has another one.
func (b *Buffer) Count(text string) int { return strings.Count(b.String(), text) }
