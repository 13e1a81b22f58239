// Package uuid makes the IDs of records.
package uuid

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// At returns a new UUID of version 7 (RFC 9562, section 5.7) for the time t: 48 bits of
// Unix milliseconds, 12 bits of sub-millisecond time (method 3 of section 6.2) and 62
// random bits from the runtime's ChaCha8 generator.
func At(t time.Time) (id [16]byte) {
	ms := t.UnixMilli()
	sub := uint64(t.Nanosecond()%1e6) << 12 / 1e6 // 0 to 4095
	binary.BigEndian.PutUint64(id[:8], uint64(ms)<<16|7<<12|sub)
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()>>2|1<<63)
	return id
}
