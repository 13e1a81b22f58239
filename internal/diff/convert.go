package diff

import (
	"reflect"
	"sync"
)

// Convert returns the changes of AppendChanges, each as convert returns it.
func Convert[C any](convert func(Change) C, t reflect.Type, before, after reflect.Value, o Options) ([]C, error) {
	buffer, _ := buffers.Get().(*[]Change)
	found, err := AppendChanges((*buffer)[:0], t, before, after, o)
	var changes []C
	if len(found) > 0 {
		changes = make([]C, len(found))
	}
	for i, change := range found {
		changes[i] = convert(change)
	}
	if cap(found) <= maxBuffer {
		clear(found)
		*buffer = found
		buffers.Put(buffer)
	}
	return changes, err
}

// buffers has slices for changes before they are converted. A slice in it holds no values.
var buffers = sync.Pool{New: func() any { return new([]Change) }}

// maxBuffer limits the capacity of the slices in buffers.
const maxBuffer = 64
