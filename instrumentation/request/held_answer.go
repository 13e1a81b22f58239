package request

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/felixge/httpsnoop"
)

// heldAnswer keeps what a handler writes, and sends it later in the same way: with the same
// header and in the same pieces, so that a server makes the same bytes of it. It is used by
// the goroutine of the handler.
type heldAnswer struct {
	w           http.ResponseWriter
	writeString httpsnoop.WriteStringFunc // of w
	readFrom    httpsnoop.ReadFromFunc    // of w
	limit       int
	isHTTP1     bool
	isOver      func() bool // nobody gets what is written

	header   http.Header // as it was when the handler wrote its status; nil before that
	status   int
	declared int64 // length of the body, or -1
	writes   []heldWrite
	reads    int // of all writes
	body     []byte
	sent     bool // what follows is written at once
}

// heldWrite is one call of the handler that writes something.
type heldWrite struct {
	method method
	status int
	size   int   // of its part of the body
	reads  []int // the sizes of what ReadFrom read
}

type method int

const (
	byWriteHeader method = iota
	byWrite
	byWriteString
	byReadFrom
)

const (
	writeCost = 16       // what a write costs in addition to its part of the body
	readSize  = 32 << 10 // of io.Copy
	// What net/http's server reads first, to find the content type, unless it has written its
	// header before: when the body is larger than its buffer.
	sniffSize  = 512
	bufferSize = 2048
)

// hold returns a held answer to r and the writer for its handler, which has the methods of w.
func hold(w http.ResponseWriter, r *http.Request, limit int, isOver func() bool) (*heldAnswer, http.ResponseWriter) {
	if limit <= 0 {
		limit = defaultWithheldLimit
	}
	h := &heldAnswer{w: w, limit: limit, isHTTP1: r.ProtoMajor < 2, isOver: isOver}
	return h, httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				if !h.holdsStatus(status) {
					next(status)
				}
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) {
				if !h.holds(len(b)) {
					return next(b)
				}
				return keep(h, byWrite, b)
			}
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			h.writeString = next
			return func(s string) (int, error) {
				if !h.holds(len(s)) {
					return next(s)
				}
				return keep(h, byWriteString, s)
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			h.readFrom = next
			return func(src io.Reader) (int64, error) {
				if h.sent {
					return next(src)
				}
				return h.read(src)
			}
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				h.send()
				next()
			}
		},
		FlushError: func(next httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc {
			return func() error {
				h.send()
				return next()
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				h.send()
				return next()
			}
		},
	})
}

// isPending reports whether there is something to send.
func (h *heldAnswer) isPending() bool { return h.status != 0 && !h.sent }

// holdsStatus keeps a status. It returns false if the status must be written at once: an
// interim one, which promises nothing, or one for which a server panics. After the first one
// no status has an effect.
func (h *heldAnswer) holdsStatus(status int) bool {
	if h.status == 0 && !isFinal(status) {
		if status < http.StatusContinue || status > 999 {
			h.send()
		}
		return false
	}
	if h.size() > h.limit || h.isOver() {
		h.send()
	}
	if h.sent {
		return false
	}
	h.begin(status)
	h.writes = append(h.writes, heldWrite{method: byWriteHeader, status: status})
	return true
}

// holds reports whether size more bytes of the body can be kept. If not, it sends what was
// kept.
func (h *heldAnswer) holds(size int) bool {
	if h.sent {
		return false
	}
	h.begin(http.StatusOK)
	if h.size()+size > h.limit || h.exceeds(size) || h.isOver() {
		h.send()
	}
	return !h.sent
}

// size returns how much memory the next write may find in use.
func (h *heldAnswer) size() int { return len(h.body) + writeCost*(len(h.writes)+h.reads+1) }

// exceeds reports whether size more bytes are more than the header declares, for which each
// server has an error of its own.
func (h *heldAnswer) exceeds(size int) bool {
	return h.status != 0 && h.declared >= 0 && int64(len(h.body)+size) > h.declared && allowsBody(h.status)
}

// begin keeps the header as it is with the first status.
func (h *heldAnswer) begin(status int) {
	if h.status != 0 {
		return
	}
	header := h.w.Header()
	h.status, h.header, h.declared = status, header.Clone(), -1
	if length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil {
		h.declared = length
	}
}

// allowsBody reports whether a response with the status has a body.
func allowsBody(status int) bool {
	return status >= http.StatusOK && status != http.StatusNoContent && status != http.StatusNotModified
}

// keep keeps a part of the body. If the response has no body, it returns the error of
// net/http's server: with HTTP/1 an empty part has none.
func keep[T string | []byte](h *heldAnswer, m method, part T) (int, error) {
	if !allowsBody(h.status) {
		if h.isHTTP1 && len(part) == 0 {
			return 0, nil
		}
		return 0, http.ErrBodyNotAllowed
	}
	h.writes = append(h.writes, heldWrite{method: m, size: len(part)})
	h.body = append(h.body, part...)
	return len(part), nil
}

// read keeps what it reads from src, in the pieces in which a server would read it. If that
// is too much, it sends it with the rest of src. A source with nothing in it writes nothing,
// not even a header.
func (h *heldAnswer) read(src io.Reader) (n int64, err error) {
	buffer, start, at := make([]byte, readSize), len(h.body), len(h.writes)
	h.writes = append(h.writes, heldWrite{method: byReadFrom})
	w := &h.writes[at]
	for {
		piece := buffer
		if start <= bufferSize && w.size < sniffSize {
			piece = buffer[:sniffSize-w.size]
		}
		size, err := src.Read(piece)
		if size > 0 {
			h.begin(http.StatusOK)
			if !allowsBody(h.status) {
				return 0, http.ErrBodyNotAllowed
			}
		}
		h.body = append(h.body, piece[:size]...)
		w.size += size
		w.reads = append(w.reads, size)
		h.reads++
		if err == io.EOF {
			return int64(w.size), nil
		}
		if err != nil {
			return int64(w.size), err
		}
		if h.size() > h.limit || h.exceeds(0) || h.isOver() {
			read := &pieces{body: h.body[start:], sizes: w.reads}
			h.body, h.writes = h.body[:start], h.writes[:at]
			h.send()
			return h.readFrom(io.MultiReader(read, src))
		}
	}
}

// pieces is a reader that returns a body in pieces.
type pieces struct {
	body  []byte
	sizes []int
}

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.sizes) > 0 && p.sizes[0] == 0 {
		p.sizes = p.sizes[1:]
	}
	if len(p.sizes) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.body[:p.sizes[0]])
	p.body = p.body[n:]
	p.sizes[0] -= n
	return n, nil
}

// send writes what was kept. From now on the handler writes at once.
func (h *heldAnswer) send() {
	if h.sent {
		return
	}
	h.sent = true
	if h.status == 0 {
		return
	}
	defer h.useHeader()()
	body := h.body
	for _, w := range h.writes {
		part := body[:w.size]
		body = body[w.size:]
		switch w.method {
		case byWriteHeader:
			h.w.WriteHeader(w.status)
		case byWrite:
			_, _ = h.w.Write(part)
		case byWriteString:
			_, _ = h.writeString(string(part))
		case byReadFrom:
			_, _ = h.readFrom(&pieces{body: part, sizes: w.reads})
		}
	}
	h.writes, h.body = nil, nil
}

// useHeader makes the header what it was when the handler wrote its status. It returns a
// function that sets again what the handler changed after that, such as trailers.
func (h *heldAnswer) useHeader() (undo func()) {
	header := h.w.Header()
	if maps.EqualFunc(header, h.header, slices.Equal[[]string]) {
		return func() {}
	}
	latest := maps.Clone(header)
	names := slices.Collect(maps.Keys(h.header))
	for name := range latest {
		if _, ok := h.header[name]; !ok {
			names = append(names, name)
		}
	}
	changed := slices.DeleteFunc(names, func(name string) bool {
		before, had := h.header[name]
		now, has := latest[name]
		return had == has && slices.Equal(before, now)
	})
	copyHeaders(header, h.header, changed)
	return func() { copyHeaders(header, latest, changed) }
}

// copyHeaders makes the headers of the given names in to those of from.
func copyHeaders(to, from http.Header, names []string) {
	for _, name := range names {
		if values, ok := from[name]; ok {
			to[name] = values
		} else {
			delete(to, name)
		}
	}
}
