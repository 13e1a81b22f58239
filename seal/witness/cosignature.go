package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// algorithm is the type of the signature, as C2SP's signed-note numbers them: an Ed25519
// cosignature.
const algorithm = 4

// The parts of a cosignature: the time, in seconds since 1970, and what Ed25519 signs.
const (
	timeSize      = 8
	signatureSize = timeSize + ed25519.SignatureSize
)

// Cosignature is the statement of a witness: at this time, the checkpoint was the newest one of its
// log that it knew, and continued all earlier ones.
type Cosignature struct {
	// Witness is the name of the witness's key.
	Witness string `json:"witness"`
	// Time is when it has cosigned, by its own clock, to the second.
	Time time.Time `json:"time"`

	id uint32 // of the key: names need not be unique
}

// verifier implements note.Verifier for the cosignatures of a witness.
type verifier struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

// ParsePublicKey returns the verifier of a witness's public key: "name+hash+key". Other kinds of
// keys, such as those of ledgers, are rejected.
func ParsePublicKey(public string) (note.Verifier, error) { return parseVerifier(public) }

var errPublicKey = errors.New("witness: the text is not the public key of a witness, which is name+hash+key with an Ed25519 key for cosignatures")

func parseVerifier(public string) (*verifier, error) {
	fields := strings.SplitN(strings.TrimSpace(public), "+", 3)
	if len(fields) != 3 || !validName(fields[0]) {
		return nil, errPublicKey
	}
	hash, err := strconv.ParseUint(fields[1], 16, 32)
	if err != nil || len(fields[1]) != 8 {
		return nil, errPublicKey
	}
	key, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != algorithm {
		return nil, errPublicKey
	}
	v := newVerifier(fields[0], key[1:])
	if uint64(v.id) != hash {
		return nil, fmt.Errorf("%w: its hash is wrong", errPublicKey)
	}
	return v, nil
}

// validName reports whether the name of a key can stand in a signed note.
func validName(name string) bool {
	return name != "" && utf8.ValidString(name) && strings.IndexFunc(name, unicode.IsSpace) < 0 && !strings.Contains(name, "+")
}

func newVerifier(name string, key ed25519.PublicKey) *verifier {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{algorithm})
	h.Write(key)
	return &verifier{name: name, id: binary.BigEndian.Uint32(h.Sum(nil)), key: key}
}

// public returns the text that parseVerifier reads.
func (v *verifier) public() string {
	return fmt.Sprintf("%s+%08x+%s", v.name, v.id, base64.StdEncoding.EncodeToString(append([]byte{algorithm}, v.key...)))
}

func (v *verifier) Name() string    { return v.name }
func (v *verifier) KeyHash() uint32 { return v.id }

// Verify reports whether sig is a cosignature of the text of a checkpoint.
func (v *verifier) Verify(text, sig []byte) bool {
	seconds, ok := signedAt(sig)
	return ok && ed25519.Verify(v.key, message(seconds, text), sig[timeSize:])
}

// signedAt returns the time of a cosignature, in seconds since 1970.
func signedAt(sig []byte) (seconds int64, ok bool) {
	if len(sig) != signatureSize {
		return 0, false
	}
	seconds = int64(binary.BigEndian.Uint64(sig))
	return seconds, seconds >= 0
}

// message returns what is signed.
func message(seconds int64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", seconds), text...)
}

// linePrefix begins the line of a signature.
const linePrefix = "— "

// cosign returns the signature line of a cosignature of a text.
func (k *Key) cosign(text []byte, now time.Time) []byte {
	sig := binary.BigEndian.AppendUint32(nil, k.verifier.id)
	sig = binary.BigEndian.AppendUint64(sig, uint64(max(now.Unix(), 0)))
	sig = append(sig, ed25519.Sign(k.private, message(max(now.Unix(), 0), text))...)
	return []byte(linePrefix + k.verifier.name + " " + base64.StdEncoding.EncodeToString(sig) + "\n")
}

// open returns the cosignatures of a checkpoint by keys. A note with a false signature under the
// name of a key is rejected whole.
func open(signed []byte, keys note.Verifiers) ([]Cosignature, error) {
	n, err := note.Open(signed, keys)
	if _, none := errors.AsType[*note.UnverifiedNoteError](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Cosignature
	for _, s := range n.Sigs {
		sig, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil || len(sig) < 4 {
			return nil, errors.New("a signature is not base64")
		}
		if seconds, ok := signedAt(sig[4:]); ok {
			all = append(all, Cosignature{Witness: s.Name, Time: time.Unix(seconds, 0).UTC(), id: s.Hash})
		}
	}
	return all, nil
}

// noteText returns the text of a signed note, which is what is signed.
func noteText(signed []byte) []byte {
	if at := bytes.Index(signed, []byte("\n\n")); at >= 0 {
		return signed[:at+1]
	}
	return nil
}
