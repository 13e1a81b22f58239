package archive

import (
	"encoding/binary"
	"fmt"
)

// The limits of an archive. A reader rejects what exceeds them, so what it needs of memory
// does not depend on the content.
const (
	// formatVersion is the version of the manifest.
	formatVersion = 1
	// maxEntry is the size of the largest entry: that of package ledger.
	maxEntry = 16 << 20
	// minTarget and maxTarget bound how many bytes of lines make a part complete.
	minTarget, maxTarget = 256 << 10, 1 << 20
	// targetShare is the share of the lines so far that the next part has, between these bounds.
	targetShare = 1024
	// maxPart is the size of the lines of the largest part: a complete one, and one line
	// more, whose entry is in Base64.
	maxPart = maxTarget + maxEntry/3*4 + 1<<10
	// maxManifest is the size of the largest manifest. An archive of very roughly 60 million records
	// exceeds it. Those of package retention never do: each has records of one segment of a ledger,
	// of at most 2 GiB and thus some thousand parts, or of one batch of a collection.
	maxManifest = 16 << 20
)

// partTarget returns how many bytes of lines make the next part complete, after so many bytes
// of lines. Parts grow with the archive, so that its manifest, which is in memory, stays small.
func partTarget(content int64) int64 { return min(max(content/targetShare, minTarget), maxTarget) }

// An archive ends with a skippable frame of zstd, which holds the manifest and a footer.
const (
	skippableMagic      = 0x184D2A5D
	skippableHeaderSize = 8
	footerMagic         = "ODEDARCH"
	footerSize          = 32 + 4 + 4 + len(footerMagic)
	// minTrailer is the size of a trailer with an empty manifest.
	minTrailer = skippableHeaderSize + footerSize
)

// appendTrailerHeader appends the header of the skippable frame, before a manifest of that size.
func appendTrailerHeader(b []byte, manifest int64) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, skippableMagic)
	return le.AppendUint32(b, uint32(manifest+int64(footerSize)))
}

// footer is the end of an archive.
type footer struct {
	hash     Hash
	manifest int64 // size of the manifest
}

// append appends the footer, after the manifest.
func (f footer) append(b []byte) []byte {
	le := binary.LittleEndian
	b = append(b, f.hash[:]...)
	b = le.AppendUint32(b, uint32(f.manifest))
	b = le.AppendUint32(b, formatVersion)
	return append(b, footerMagic...)
}

// parseFooter parses the last footerSize bytes of an object.
func parseFooter(b []byte) (f footer, reason string) {
	le := binary.LittleEndian
	if string(b[40:]) != footerMagic {
		return f, "it does not end like an archive"
	}
	if version := le.Uint32(b[36:]); version != formatVersion {
		return f, fmt.Sprintf("it has format %d; this package reads format %d", version, formatVersion)
	}
	f.hash, f.manifest = Hash(b[:32]), int64(le.Uint32(b[32:]))
	if f.manifest > maxManifest {
		return f, "the manifest is too large"
	}
	return f, ""
}

// checkTrailerHeader checks the header of the skippable frame.
func checkTrailerHeader(b []byte, f footer) bool {
	le := binary.LittleEndian
	return le.Uint32(b) == skippableMagic && int64(le.Uint32(b[4:])) == f.manifest+int64(footerSize)
}
