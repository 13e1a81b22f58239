package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opendeed/audit/record"
)

// Hash is a SHA-256. Its text is hexadecimal.
type Hash [sha256.Size]byte

func hashOf(b []byte) Hash { return sha256.Sum256(b) }

// String returns 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns 64 hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

var errHash = errors.New("a hash is not 64 hexadecimal digits, in lower case")

// UnmarshalText accepts what MarshalText returns.
func (h *Hash) UnmarshalText(text []byte) error {
	var decoded Hash
	if len(text) != 2*len(h) {
		return errHash
	}
	if _, err := hex.Decode(decoded[:], text); err != nil || decoded.String() != string(text) {
		return errHash
	}
	*h = decoded
	return nil
}

// Meta says what an archive is about. Together with the entries it determines the archive.
type Meta struct {
	// Log identifies the log: the ID of a ledger, in hexadecimal, or a name that the
	// caller has chosen for another store. It must match record.NamePattern.
	Log string
	// Class is the class of the records, if there are only those of one. It is empty or
	// matches record.NamePattern.
	Class string
	// Policy identifies the policy for which the archive was made, or is empty. It must
	// be printable ASCII of at most 128 bytes.
	Policy string
	// First and Last are the range of the log that was read for the archive, which holds
	// all entries there that belong to the class. They are zero if the log has no sequence
	// numbers.
	First, Last uint64
	// Missing are the entries of the range that the log itself could not read any more, so that
	// nobody knows whether they belonged here. They ascend.
	Missing []Range
}

// Range is a range of entries of a log, by their sequence numbers.
type Range struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// errMeta is what is wrong with a Meta.
func (m *Meta) validate() error {
	switch {
	case !record.ValidName(m.Log):
		return fmt.Errorf("archive: Meta.Log: it must match %s", record.NamePattern)
	case m.Class != "" && !record.ValidName(m.Class):
		return fmt.Errorf("archive: Meta.Class: it must match %s", record.NamePattern)
	case len(m.Policy) > 128 || strings.ContainsFunc(m.Policy, func(r rune) bool { return r < ' ' || r > '~' }):
		return errors.New("archive: Meta.Policy: it must be printable ASCII of at most 128 bytes")
	case m.First > m.Last || m.First == 0 && m.Last != 0:
		return errors.New("archive: Meta.First: it must be between 1 and Meta.Last, or both must be zero")
	}
	next := m.First
	for _, r := range m.Missing {
		if m.First == 0 || r.First < next || r.Last < r.First || r.Last > m.Last {
			return errors.New("archive: Meta.Missing: its ranges must ascend, and be in that of the archive")
		}
		next = r.Last + 1
	}
	return nil
}

// Manifest describes an archive.
type Manifest struct {
	Meta
	// Name is the name of the object, by which a store has it.
	Name string
	// Size is the size of the object, in bytes.
	Size int64
	// Hash is the SHA-256 of the manifest as it is stored. It covers all other hashes, so
	// it identifies the archive.
	Hash Hash
	// Content is the size of all lines together, in bytes, and ContentHash the SHA-256 of
	// them: that of what "zstd -dc" prints.
	Content     int64
	ContentHash Hash
	// Entries is the number of lines, and Records how many of them hold a valid record.
	Entries, Records int64
	// Oldest and Newest are the earliest and the latest time of a record. They are zero
	// without records.
	Oldest, Newest time.Time
	// Parts are the independent frames, in order.
	Parts []Part
}

// Part describes a part of an archive: a frame of zstd that can be unpacked alone.
type Part struct {
	// Offset is where the frame begins in the object, and Size its size, in bytes.
	Offset, Size int64
	// Hash is the SHA-256 of the frame.
	Hash Hash
	// Content is the size of its lines, in bytes.
	Content int64
	// Entries is the number of its lines, and Records how many of them hold a valid record.
	Entries, Records int64
	// First and Last are the sequence numbers of its first and last entries, or zero.
	First, Last uint64
	// Oldest and Newest are the earliest and the latest time of a record, or zero.
	Oldest, Newest time.Time
}

// checkParts reports what is wrong with the parts.
func (m *Manifest) checkParts() (reason string) {
	var sum summary
	for i := range m.Parts {
		p := &m.Parts[i]
		switch {
		case p.Size <= 0 || p.Size > maxPart || p.Content <= 0 || p.Content > maxPart:
			return fmt.Sprintf("the size of part %d is out of range", i)
		case p.Entries <= 0 || p.Entries > p.Content || p.Records < 0 || p.Records > p.Entries:
			return fmt.Sprintf("the number of entries of part %d is out of range", i)
		case !p.validRange(m, sum.last):
			return fmt.Sprintf("the sequence numbers of part %d are out of order", i)
		case p.Oldest.After(p.Newest) || (p.Records == 0) != p.Oldest.IsZero():
			return fmt.Sprintf("the times of part %d are out of order", i)
		}
		sum.addPart(p)
	}
	switch {
	case sum.content != m.Content || sum.entries != m.Entries || sum.records != m.Records:
		return "the counts are not those of the parts"
	case !sum.oldest.Equal(m.Oldest) || !sum.newest.Equal(m.Newest):
		return "the times are not those of the parts"
	}
	return ""
}

// validRange reports whether the sequence numbers of a part follow those of the previous
// one, whose last is given, and are in the range of the archive.
func (p *Part) validRange(m *Manifest, previous uint64) bool {
	if m.First == 0 {
		return p.First == 0 && p.Last == 0
	}
	return p.First >= m.First && p.First > previous && p.Last <= m.Last && p.Last >= p.First && p.Last-p.First >= uint64(p.Entries-1)
}

// summary adds up the parts.
type summary struct {
	content, entries, records int64
	last                      uint64
	oldest, newest            time.Time
}

func (s *summary) addPart(p *Part) {
	s.content += p.Content
	s.entries += p.Entries
	s.records += p.Records
	s.last = p.Last
	s.addTimes(p.Oldest, p.Newest)
}

// addTimes extends the range of times. Zero times are ignored.
func (s *summary) addTimes(oldest, newest time.Time) {
	if oldest.IsZero() {
		return
	}
	if s.oldest.IsZero() || oldest.Before(s.oldest) {
		s.oldest = oldest
	}
	if newest.After(s.newest) {
		s.newest = newest
	}
}

// dataSize returns the size of all frames.
func (m *Manifest) dataSize() int64 {
	if len(m.Parts) == 0 {
		return 0
	}
	last := m.Parts[len(m.Parts)-1]
	return last.Offset + last.Size
}

// objectName returns the name of the archive: its log, its class, its range or its oldest
// time, and the beginning of the hash of its content. Equal archives have equal names, also
// if another version of the compressor has written them.
func (m *Manifest) objectName() string {
	prefix := m.Prefix()
	if m.First == 0 {
		prefix += m.Oldest.UTC().Format("20060102t150405z") + "-"
	}
	return prefix + hex.EncodeToString(m.ContentHash[:12]) + suffix
}

// Prefix returns what the names of all archives with the same log, class and range begin
// with, for Store.List.
func (m *Meta) Prefix() string {
	class := m.Class
	if class == "" {
		class = allClasses
	}
	prefix := m.Log + "/" + class + "/"
	if m.First != 0 {
		prefix += fmt.Sprintf("%012d-%012d-", m.First, m.Last)
	}
	return prefix
}

// allClasses stands for the class in the names of archives that have none.
const allClasses = "_"

// suffix is the end of the names of archives.
const suffix = ".jsonl.zst"
