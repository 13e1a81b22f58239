package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// The stored forms. Their members are sorted by name. A manifest has the members of headJSON, the
// parts, and the members of tailJSON. The parts are encoded and decoded one by one, so that of
// many only the list of Parts is in memory.
type (
	headJSON struct {
		Class   string      `json:"class,omitempty"`
		Content contentJSON `json:"content"`
		Entries int64       `json:"entries"`
		First   uint64      `json:"first,omitempty"`
		Last    uint64      `json:"last,omitempty"`
		Log     string      `json:"log"`
		Missing missingJSON `json:"missing,omitempty"`
		Newest  time.Time   `json:"newest,omitzero"`
		Oldest  time.Time   `json:"oldest,omitzero"`
	}
	tailJSON struct {
		Policy  string `json:"policy,omitempty"`
		Records int64  `json:"records"`
	}
	contentJSON struct {
		Bytes int64 `json:"bytes"`
		Hash  Hash  `json:"sha256"`
	}
	partJSON struct {
		Bytes   int64     `json:"bytes"`
		Content int64     `json:"content"`
		Entries int64     `json:"entries"`
		First   uint64    `json:"first,omitempty"`
		Last    uint64    `json:"last,omitempty"`
		Newest  time.Time `json:"newest,omitzero"`
		Oldest  time.Time `json:"oldest,omitzero"`
		Records int64     `json:"records"`
		Hash    Hash      `json:"sha256"`
	}
	missingJSON []Range
)

// membersJSON is a manifest without its parts.
type membersJSON struct {
	headJSON
	tailJSON
}

// encodeBuffer is how much of a manifest is written at once, in bytes.
const encodeBuffer = 32 << 10

// encode writes the stored form.
func (m *Manifest) encode(to io.Writer) error {
	head, err := marshal(headJSON{
		Class: m.Class, Content: contentJSON{m.Content, m.ContentHash}, Entries: m.Entries, First: m.First, Last: m.Last,
		Log: m.Log, Missing: m.Missing, Newest: m.Newest.UTC(), Oldest: m.Oldest.UTC(),
	})
	if err != nil {
		return err
	}
	tail, err := marshal(tailJSON{Policy: m.Policy, Records: m.Records})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("}")))
	b.WriteString(`,"parts":[`)
	if err := m.encodeParts(&b, to); err != nil {
		return err
	}
	b.WriteString("],")
	b.Write(bytes.TrimPrefix(tail, []byte("{")))
	_, err = b.WriteTo(to)
	return err
}

// encodeParts appends the parts to a buffer, and writes it when it is full.
func (m *Manifest) encodeParts(b *bytes.Buffer, to io.Writer) error {
	encoder := json.NewEncoder(b)
	for i := range m.Parts {
		p := &m.Parts[i]
		if i > 0 {
			b.WriteByte(',')
		}
		err := encoder.Encode(partJSON{
			Bytes: p.Size, Content: p.Content, Entries: p.Entries, First: p.First, Last: p.Last,
			Newest: p.Newest.UTC(), Oldest: p.Oldest.UTC(), Records: p.Records, Hash: p.Hash,
		})
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		b.Truncate(b.Len() - 1) // the line feed
		if b.Len() < encodeBuffer {
			continue
		}
		if _, err := b.WriteTo(to); err != nil {
			return err
		}
	}
	return nil
}

// marshal returns JSON with the texts as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeManifest decodes a stored manifest of size bytes, whose hash the caller computes. The
// reason says what is wrong with it, or that it could not be read, or is empty.
func decodeManifest(from io.Reader, size int64) (m *Manifest, reason string) {
	stored, parts, err := decodeMembers(from, size)
	if err != nil {
		return nil, "the manifest is not valid: " + err.Error()
	}
	m = &Manifest{
		Meta: Meta{
			Log: stored.Log, Class: stored.Class, Policy: stored.Policy, First: stored.First, Last: stored.Last,
			Missing: stored.Missing,
		},
		Content: stored.Content.Bytes, ContentHash: stored.Content.Hash,
		Entries: stored.Entries, Records: stored.Records, Oldest: stored.Oldest.UTC(), Newest: stored.Newest.UTC(),
		Parts: slices.Clip(parts),
	}
	if err := m.validate(); err != nil {
		return nil, "the manifest is not valid: " + strings.TrimPrefix(err.Error(), "archive: ")
	}
	if reason := m.checkParts(); reason != "" {
		return nil, "the manifest contradicts itself: " + reason
	}
	return m, ""
}

var (
	errObject = errors.New("it is no object")
	errTwice  = errors.New("it has its parts twice")
	errList   = errors.New("an element of a list is missing something")
	errMore   = errors.New("something follows it")
)

// decodeMembers decodes the members of a manifest of size bytes, in any order.
func decodeMembers(from io.Reader, size int64) (stored membersJSON, parts []Part, err error) {
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return stored, nil, errors.Join(errObject, err)
	}
	others := []byte("{")
	for seen := false; d.More(); {
		name, err := d.Token()
		if err != nil {
			return stored, nil, err
		}
		if name == "parts" {
			if seen {
				return stored, nil, errTwice
			}
			if parts, err = decodeParts(d); err != nil {
				return stored, nil, err
			}
			seen = true
			continue
		}
		if others, err = appendMember(others, name, d); err != nil {
			return stored, nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return stored, nil, err
	}
	if d.InputOffset() != size {
		return stored, nil, errMore
	}
	err = unmarshalStrict(append(others, '}'), &stored)
	return stored, parts, err
}

// appendMember appends a member to a JSON object that is not closed. d decodes its value next.
func appendMember(object []byte, name json.Token, d *json.Decoder) ([]byte, error) {
	key, err := marshal(name)
	if err != nil {
		return nil, err
	}
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if len(object) > 1 {
		object = append(object, ',')
	}
	return append(append(append(object, key...), ':'), value...), nil
}

// minPart is less than the size of the JSON of any part.
const minPart = 100

// decodeParts decodes the parts one by one, and stops at the first that is too short to be one.
// The memory that a manifest takes is thus bounded by its size.
func decodeParts(d *json.Decoder) (parts []Part, err error) {
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return nil, errors.Join(errList, err)
	}
	offset := int64(0)
	for d.More() {
		start := d.InputOffset()
		var p partJSON
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		if d.InputOffset()-start < minPart {
			return nil, errList
		}
		parts = append(parts, Part{
			Offset: offset, Size: p.Bytes, Hash: p.Hash, Content: p.Content, Entries: p.Entries, Records: p.Records,
			First: p.First, Last: p.Last, Oldest: p.Oldest.UTC(), Newest: p.Newest.UTC(),
		})
		offset += p.Bytes
	}
	_, err = d.Token()
	return parts, err
}

// UnmarshalJSON decodes the ranges one by one.
func (m *missingJSON) UnmarshalJSON(data []byte) error {
	return unmarshalList(data, len(`{"first":1,"last":1}`), func(element json.RawMessage) error {
		var decoded Range
		err := unmarshalStrict(element, &decoded)
		*m = append(*m, decoded)
		return err
	})
}

// unmarshalStrict decodes JSON, and rejects members that this version does not know.
func unmarshalStrict(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if d.InputOffset() != int64(len(data)) {
		return errMore
	}
	return nil
}

func unmarshalList(data []byte, least int, add func(json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return errList
	}
	for d.More() {
		var element json.RawMessage
		if err := d.Decode(&element); err != nil {
			return err
		}
		if len(element) < least {
			return errList
		}
		if err := add(element); err != nil {
			return err
		}
	}
	return nil
}
