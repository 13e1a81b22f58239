package erasure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opendeed/audit/record"
)

// Disclosure shows what one erasable field of a record says, to somebody who has no key. Its
// JSON has the record, so it can be checked against the commitments there, and the record
// against its proof. docs/erasure.md describes it.
type Disclosure struct {
	// Record is the record, with its erasable values.
	Record *record.Record
	// Field is the field that is disclosed, such as "metadata.customer.email".
	Field string
	// Openings are its values: more than one for a field of elements of a list.
	Openings []Opening
	// Proof is the proof that the record was sealed, or empty: a tlog-proof, as Encode of
	// seal.Proof returns it. ReadDisclosure does not check it.
	Proof []byte
}

// Disclose opens a field of a record. The errors are those of Open.
func Disclose(ctx context.Context, keys KeyStore, r *record.Record, field string) (*Disclosure, error) {
	openings, err := Open(ctx, keys, r, field)
	if err != nil {
		return nil, err
	}
	return &Disclosure{Record: r, Field: field, Openings: openings}, nil
}

// disclosureJSON is the JSON of a disclosure.
type disclosureJSON struct {
	Disclosure int             `json:"disclosure"` // the version of the format
	Field      string          `json:"field"`
	Proof      string          `json:"proof,omitempty"`
	Record     json.RawMessage `json:"record"`
	Values     []openingJSON   `json:"values"`
}

type openingJSON struct {
	Commitment Digest          `json:"commitment"`
	Salt       Digest          `json:"salt"`
	Value      json.RawMessage `json:"value"`
}

// disclosureVersion is the version of the format.
const disclosureVersion = 1

// Encode returns the JSON of the disclosure, in several lines.
func (d *Disclosure) Encode() ([]byte, error) {
	r, err := d.Record.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	out := disclosureJSON{Disclosure: disclosureVersion, Field: d.Field, Proof: string(d.Proof), Record: r}
	for _, o := range d.Openings {
		out.Values = append(out.Values, openingJSON{o.Commitment, o.Salt, o.Value})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(out)
	return b.Bytes(), err
}

// ErrNotDisclosed means that a disclosure does not prove what it says: its values are not those
// to which the record is committed.
var ErrNotDisclosed = errors.New("erasure: the disclosure does not prove its value: the record is committed to another one")

// maxDisclosure is the size of the largest disclosure that is read, in bytes. Its proof has the
// record once more.
const maxDisclosure = 1 << 20

// ReadDisclosure reads the JSON of a disclosure, and checks that its values are those to which
// its record is committed. If they are not, the error matches ErrNotDisclosed. That the record
// is genuine is for its proof to show.
func ReadDisclosure(text []byte) (*Disclosure, error) {
	if len(text) > maxDisclosure {
		return nil, errors.New("erasure: the disclosure is larger than a mebibyte")
	}
	var in disclosureJSON
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return nil, fmt.Errorf("erasure: the file is no disclosure: %w", err)
	}
	if in.Disclosure != disclosureVersion || decoder.More() {
		return nil, errors.New("erasure: the file is no disclosure that this version can read")
	}
	d := &Disclosure{Record: &record.Record{}, Field: in.Field, Proof: []byte(in.Proof)}
	if err := d.Record.UnmarshalJSON(in.Record); err != nil {
		return nil, fmt.Errorf("erasure: the record of the disclosure: %w", err)
	}
	for _, v := range in.Values {
		value, err := canonicalValue(v.Value)
		if err != nil {
			return nil, err
		}
		d.Openings = append(d.Openings, Opening{v.Commitment, v.Salt, value})
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return d, nil
}

// canonicalValue returns the canonical JSON of a value, which may have been laid out anew.
func canonicalValue(text []byte) ([]byte, error) {
	o := Opening{Value: text}
	v, err := o.Attribute()
	if err != nil {
		return nil, err
	}
	return canonicalJSON(&v)
}

// check checks the values of the disclosure against the commitments of its record.
func (d *Disclosure) check() error {
	n := 0
	for field, v := range Values(d.Record) {
		if field != d.Field {
			continue
		}
		if n == len(d.Openings) {
			return ErrNotDisclosed
		}
		if o := &d.Openings[n]; o.Commitment != v.Commitment || !o.matches(place{d.Record.ID, field}) {
			return ErrNotDisclosed
		}
		n++
	}
	if n == 0 || n != len(d.Openings) {
		return ErrNotDisclosed
	}
	return nil
}
