package witness

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opendeed/audit/seal"
	"golang.org/x/mod/sumdb/tlog"
)

// The parts of a request.
const (
	addCheckpoint = "/add-checkpoint"
	oldPrefix     = "old "
	maxProof      = 63
	maxRequest    = 128 << 10
	sizeType      = "text/x.tlog.size"
)

// request is the body of add-checkpoint: the checkpoint, and the proof that it continues the one of
// another size.
type request struct {
	old        int64
	proof      []seal.Hash
	checkpoint []byte
}

var errRequest = errors.New("the body is not that of add-checkpoint")

// parseRequest reads a body.
func parseRequest(body []byte) (*request, error) {
	head, checkpoint, ok := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	text, isOld := strings.CutPrefix(lines[0], oldPrefix)
	if !ok || !isOld {
		return nil, errRequest
	}
	old, err := strconv.ParseInt(text, 10, 64)
	if err != nil || old < 0 || strconv.FormatInt(old, 10) != text {
		return nil, fmt.Errorf("%w: the old size is not a number", errRequest)
	}
	if len(lines)-1 > maxProof {
		return nil, fmt.Errorf("%w: the proof has more than %d hashes", errRequest, maxProof)
	}
	r := &request{old: old, checkpoint: checkpoint}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return nil, fmt.Errorf("%w: a line of the proof is not a hash", errRequest)
		}
		r.proof = append(r.proof, h)
	}
	return r, nil
}

// encode returns the body.
func (r *request) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%d\n", oldPrefix, r.old)
	for _, h := range r.proof {
		fmt.Fprintln(&b, h)
	}
	b.WriteByte('\n')
	b.Write(r.checkpoint)
	return b.Bytes()
}
