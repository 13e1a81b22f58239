package index

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
)

// An index is a sequence of pages. Each ends with its checksum, which is salted: that of the
// first page with the ledger and the segment, that of another one with the checksum of the
// first page and its number.
const (
	pageSize = 4096
	pageData = pageSize - 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// headSalt returns the salt of the first page.
func headSalt(ledger [16]byte, segment uint64) uint32 {
	b := binary.LittleEndian.AppendUint64(ledger[:16:16], segment)
	return crc32.Checksum(b, castagnoli)
}

// pageSalt returns the salt of another page.
func pageSalt(head uint32, number int) uint32 {
	return crc32.Update(head, castagnoli, binary.LittleEndian.AppendUint64(nil, uint64(number)))
}

// appendPages appends data, the first page of which begins with the header, as pages.
func appendPages(b, data []byte, salt uint32) []byte {
	for number := 0; len(data) > 0; number++ {
		start := len(b)
		n := min(len(data), pageData)
		b = append(b, data[:n]...)
		b = append(b, make([]byte, pageData-n)...)
		data = data[n:]
		sum := crc32.Update(salt, castagnoli, b[start:])
		if number > 0 {
			sum = crc32.Update(pageSalt(salt, number), castagnoli, b[start:])
		} else {
			salt = sum
		}
		b = binary.LittleEndian.AppendUint32(b, sum)
	}
	return b
}

// Cache holds pages whose checksums were valid, up to a size in bytes. A nil Cache is empty.
type Cache struct {
	mu    sync.Mutex
	limit int
	pages map[pageKey][]byte
}

type pageKey struct {
	file   *File
	number int
}

// NewCache returns a Cache of that many bytes.
func NewCache(limit int) *Cache { return &Cache{limit: limit / pageSize, pages: map[pageKey][]byte{}} }

func (c *Cache) get(key pageKey) []byte {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pages[key]
}

func (c *Cache) put(key pageKey, page []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for other := range c.pages { // in a random order
		if len(c.pages) < c.limit {
			break
		}
		delete(c.pages, other)
	}
	c.pages[key] = page
}

// Forget removes the pages of a file.
func (c *Cache) Forget(f *File) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.pages {
		if key.file == f {
			delete(c.pages, key)
		}
	}
}

// readPage reads a page and checks it. It returns its data.
func readPage(r io.ReaderAt, number int, salt uint32) (data []byte, sum uint32, err error) {
	page := make([]byte, pageSize)
	if _, err := r.ReadAt(page, int64(number)*pageSize); err != nil {
		return nil, 0, err
	}
	sum = binary.LittleEndian.Uint32(page[pageData:])
	if sum != crc32.Update(salt, castagnoli, page[:pageData]) {
		return nil, 0, ErrBad
	}
	return page[:pageData:pageData], sum, nil
}
