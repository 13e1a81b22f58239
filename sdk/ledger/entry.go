package ledger

// Entry is one entry of a ledger.
type Entry struct {
	Seq  uint64
	Data []byte
}

// appendEntries appends copies of the frame's entries whose sequence number is at
// least from.
func appendEntries(dst []Entry, frame []byte, h frameHeader, from uint64) []Entry {
	body := append([]byte(nil), frame[frameHeaderSize:frameHeaderSize+int(h.body)]...)
	for seq := h.first; len(body) > 0; seq++ {
		var data []byte
		data, body = nextEntry(body)
		if seq >= from {
			dst = append(dst, Entry{Seq: seq, Data: data})
		}
	}
	return dst
}

// yieldEntries yields the frame's entries whose sequence number is at least from.
func yieldEntries(frame []byte, h frameHeader, from uint64, yield func(Entry, error) bool) bool {
	body := frame[frameHeaderSize : frameHeaderSize+int(h.body)]
	for seq := h.first; len(body) > 0; seq++ {
		var data []byte
		data, body = nextEntry(body)
		if seq >= from && !yield(Entry{Seq: seq, Data: data}, nil) {
			return false
		}
	}
	return true
}
