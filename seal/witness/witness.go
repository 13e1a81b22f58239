package witness

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/opendeed/audit/seal"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Witness cosigns the checkpoints of logs. It is an http.Handler that answers POST
// /add-checkpoint, as C2SP's tlog-witness specifies it. Its methods are safe for concurrent use.
//
// A checkpoint is stored, durably, before its cosignature leaves: whenever the process is killed,
// it never cosigns two histories of one log.
type Witness struct {
	key    *Key
	logs   []note.Verifier
	report func(error)
	states *states
	now    func() time.Time
}

// Option configures a Witness.
type Option func(*Witness)

// WithErrorHandler calls report with what the operator of a witness must know: a *ForkError, or
// that a checkpoint could not be stored. It may be called from several goroutines, and must not
// be nil.
func WithErrorHandler(report func(error)) Option { return func(w *Witness) { w.report = report } }

// Open returns a witness that keeps its state in a directory, which it creates if it does not
// exist. One process uses a directory at a time. The witness cosigns the logs whose public keys
// it is given: a log's origin is the name of its key, and that of a sealed ledger is the name, a
// slash, and the ID of the ledger. It cosigns up to 10,000 logs of each name.
//
// If the directory is lost, so is the memory of the witness: give it another key then. Replace the
// key of the witness and that of a log one after the other: what the witness remembers of the log
// must be signed by one of them.
func Open(dir string, key *Key, logs []note.Verifier, opts ...Option) (*Witness, error) {
	if len(logs) == 0 {
		return nil, errors.New("witness: there is no public key of a log, so there is nothing to cosign")
	}
	if key == nil {
		return nil, errors.New("witness: the key is nil")
	}
	w := &Witness{key: key, logs: logs, report: func(error) {}, now: time.Now}
	for _, opt := range opts {
		opt(w)
	}
	if w.report == nil {
		return nil, errors.New("witness: the error handler is nil")
	}
	var err error
	if w.states, err = openStates(dir, w.isGenuine); err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	return w, nil
}

// Close unlocks the directory. Requests must have ended.
func (w *Witness) Close() error { return w.states.close() }

// ForkError reports that somebody who has the key of a log has signed two histories of it. Both
// checkpoints together prove that. The newer one was not cosigned. The directory of the witness keeps
// it, unless it keeps 100 already or cannot be written: then another error is joined to this one.
type ForkError struct {
	// Cosigned is the newest checkpoint that the witness has cosigned, and Offered the other one.
	Cosigned, Offered seal.Checkpoint
}

// Error says what was offered.
func (e *ForkError) Error() string {
	return fmt.Sprintf("witness: %q has signed two trees of %d leaves; it shows different histories", e.Offered.Origin, e.Offered.Size)
}

// ServeHTTP answers a request.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	switch {
	case !strings.HasSuffix(r.URL.Path, addCheckpoint):
		http.NotFound(rw, r)
		return
	case r.Method != http.MethodPost:
		rw.Header().Set("Allow", http.MethodPost)
		http.Error(rw, "only POST is allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		http.Error(rw, "the body is too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(rw, "the body cannot be read", http.StatusBadRequest)
		return
	}
	req, err := parseRequest(body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.answer(req).write(rw)
}

// answer is what a request gets.
type answer struct {
	status int
	body   string
	size   bool // the body is the size of a tree
}

func (a answer) write(rw http.ResponseWriter) {
	kind := "text/plain; charset=utf-8"
	if a.size {
		kind = sizeType
	}
	rw.Header().Set("Content-Type", kind)
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	rw.WriteHeader(a.status)
	_, _ = io.WriteString(rw, a.body) // the client is gone
}

func conflict(size int64) answer {
	return answer{status: http.StatusConflict, body: fmt.Sprintf("%d\n", size), size: true}
}

// answer checks a request and cosigns its checkpoint.
func (w *Witness) answer(req *request) answer {
	origin, _, _ := strings.Cut(string(req.checkpoint), "\n")
	keys := w.keys(origin)
	if len(keys) == 0 {
		return answer{status: http.StatusNotFound, body: "the log is unknown\n"}
	}
	c, err := seal.OpenCheckpoint(req.checkpoint, keys...)
	if err != nil {
		_, unsigned := errors.AsType[*note.UnverifiedNoteError](err)
		_, forged := errors.AsType[*note.InvalidSignatureError](err)
		if unsigned || forged {
			return answer{status: http.StatusForbidden, body: "no trusted key has signed the checkpoint\n"}
		}
		return answer{status: http.StatusBadRequest, body: "what follows the proof is not a checkpoint\n"}
	}
	if req.old > c.Size {
		return answer{status: http.StatusBadRequest, body: "the old size is larger than that of the checkpoint\n"}
	}
	return w.cosign(req, c, keys[0].Name())
}

// sealedOrigin is what follows the name of the key in the origin of a ledger.
var sealedOrigin = regexp.MustCompile(`^/[0-9a-f]{32}(/[1-9][0-9]{0,9})?$`)

// isGenuine reports whether the witness has cosigned a checkpoint, or a key has signed it that is
// trusted for its origin: one of both may have been replaced.
func (w *Witness) isGenuine(signed []byte, origin string) bool {
	if own, err := open(signed, note.VerifierList(w.key.verifier)); err == nil && len(own) > 0 {
		return true
	}
	_, err := seal.OpenCheckpoint(signed, w.keys(origin)...)
	return err == nil
}

// keys returns the keys that are trusted for an origin.
func (w *Witness) keys(origin string) (keys []note.Verifier) {
	for _, k := range w.logs {
		if isOf(origin, k.Name()) {
			keys = append(keys, k)
		}
	}
	return keys
}

// isOf reports whether an origin is that of a log, or of a ledger, whose key has a name.
func isOf(origin, name string) bool {
	rest, ok := strings.CutPrefix(origin, name)
	return ok && (rest == "" || sealedOrigin.MatchString(rest))
}

// cosign compares a checkpoint with the newest one of the log, stores it in its place, and cosigns
// it, all while no other request does. Owner is the name of the log's key.
func (w *Witness) cosign(req *request, c seal.Checkpoint, owner string) answer {
	l, err := w.states.log(c.Origin, owner)
	if errors.Is(err, errTooMany) {
		return answer{status: http.StatusInsufficientStorage, body: "the witness knows too many logs of this key\n"}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case req.old != l.newest.Size:
		return conflict(l.newest.Size)
	case c.Size == l.newest.Size && c.Root != l.newest.Root:
		fork := &ForkError{Cosigned: l.newest, Offered: c}
		w.report(errors.Join(fork, w.states.keepEvidence(c)))
		return conflict(l.newest.Size)
	case !continues(req.proof, l.newest, c):
		return answer{status: http.StatusUnprocessableEntity, body: "the proof does not show that the checkpoint continues the last one\n"}
	}
	cosignature := w.key.cosign(noteText(c.Note), w.now())
	if err := w.states.store(c, cosignature); err != nil {
		w.report(fmt.Errorf("witness: a checkpoint cannot be stored, so it is not cosigned: %w", err))
		return answer{status: http.StatusInternalServerError, body: "the checkpoint cannot be stored\n"}
	}
	l.newest = c
	return answer{status: http.StatusOK, body: string(cosignature)}
}

// continues reports whether a proof shows that a tree begins with an older one.
func continues(proof []seal.Hash, older, newer seal.Checkpoint) bool {
	if older.Size == 0 || older.Size == newer.Size {
		return len(proof) == 0
	}
	return tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root) == nil
}

// log is what a witness knows of a log.
type log struct {
	mu     sync.Mutex
	newest seal.Checkpoint // that it has cosigned
}
