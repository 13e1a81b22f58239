package ledger

import "time"

// batch holds the entries of one frame.
type batch struct {
	frame     []byte // room for the header, then the entries
	entries   int
	callers   int
	rotate    bool          // goes to the next segment
	time      time.Time     // when the commit began
	completed bool          // first and err are set
	done      chan struct{} // closed on completion; nil if nobody waits
	first     uint64
	err       error
}

// maxBatchSize limits the bytes that gather in a batch while another is written.
const maxBatchSize = 4 << 20
