package delivery

import (
	"sync"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// decoder makes records of a ledger's entries, once for all exporters that are about
// equally far. Records are shared: exporters do not change them.
type decoder struct {
	mu     sync.Mutex
	recent []decoded // by sequence number modulo its length; empty for one exporter
}

type decoded struct {
	seq    uint64
	record *record.Record
}

// maxDecoded is how many records are kept for exporters that are behind others.
const maxDecoded = 4096

func newDecoder(exporters int) *decoder {
	d := &decoder{}
	if exporters > 1 {
		d.recent = make([]decoded, maxDecoded)
	}
	return d
}

func (d *decoder) decode(e ledger.Entry) (*record.Record, error) {
	if len(d.recent) == 0 {
		return decodeRecord(e.Data)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	place := &d.recent[e.Seq%uint64(len(d.recent))]
	if place.seq == e.Seq {
		return place.record, nil
	}
	r, err := decodeRecord(e.Data)
	if err == nil && e.Seq > place.seq {
		*place = decoded{e.Seq, r}
	}
	return r, err
}

func decodeRecord(data []byte) (*record.Record, error) {
	r := new(record.Record)
	if err := r.UnmarshalJSON(data); err != nil {
		return nil, err
	}
	return r, nil
}
