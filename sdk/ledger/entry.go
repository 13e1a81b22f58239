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

// eachEntry calls do with the frame's entries whose sequence number is at least from.
func eachEntry(frame []byte, h frameHeader, from uint64, do func(Entry)) {
	body := frame[frameHeaderSize : frameHeaderSize+int(h.body)]
	for seq := h.first; len(body) > 0; seq++ {
		var data []byte
		data, body = nextEntry(body)
		if seq >= from {
			do(Entry{Seq: seq, Data: data})
		}
	}
}
