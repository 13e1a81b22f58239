package delivery

import (
	"sync"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// decoder decodes the records of a ledger's entries. Exporters that are about equally far
// share the decoded records, because exporters do not change them.
type decoder struct {
	mu     sync.Mutex
	recent []decoded // indexed by sequence number modulo its length; empty for one exporter
}

type decoded struct {
	seq    uint64
	record *record.Record
}

// maxDecoded is how many records are kept for slower exporters.
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
	slot := &d.recent[e.Seq%uint64(len(d.recent))]
	if slot.seq == e.Seq {
		return slot.record, nil
	}
	r, err := decodeRecord(e.Data)
	if err == nil && e.Seq > slot.seq {
		*slot = decoded{e.Seq, r}
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
