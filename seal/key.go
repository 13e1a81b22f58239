package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/opendeed/audit/seal/internal/keyfile"
	"golang.org/x/mod/sumdb/note"
)

// Key signs the checkpoints of a ledger.
type Key struct {
	signer   note.Signer
	verifier note.Verifier
	public   string
}

// NewKey returns a key whose private part is elsewhere, such as in a key management service.
// The public part is a verifier key of C2SP's signed-note, "name+hash+key"; it must be that of
// the signer.
func NewKey(signer note.Signer, public string) (*Key, error) {
	verifier, err := ParsePublicKey(public)
	if err != nil {
		return nil, err
	}
	if verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() {
		return nil, fmt.Errorf("seal: the public key is %s+%08x, and the signer is %s+%08x", verifier.Name(), verifier.KeyHash(), signer.Name(), signer.KeyHash())
	}
	return &Key{signer: signer, verifier: verifier, public: public}, nil
}

// ParsePublicKey returns the verifier of a public key: "name+hash+key".
func ParsePublicKey(public string) (note.Verifier, error) {
	public = strings.TrimSpace(public)
	if strings.HasPrefix(public, "PRIVATE+KEY+") {
		return nil, errors.New("seal: it is a private key; the public key is in the file beside it, whose name ends in .pub")
	}
	v, err := note.NewVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("seal: the text is no public key, which is name+hash+key: %w", err)
	}
	return v, nil
}

// Public returns the public key, "name+hash+key". Whoever verifies needs it, and must get it
// from somebody else than from whom they get the ledger.
func (k *Key) Public() string { return k.public }

// Name returns the name of the key, which begins the origin of the checkpoints.
func (k *Key) Name() string { return k.signer.Name() }

// Verifier returns the verifier of the key.
func (k *Key) Verifier() note.Verifier { return k.verifier }

// ErrInsecureKey means that other users can read the file of a private key.
var ErrInsecureKey = keyfile.ErrInsecure

// LoadKey reads a private Ed25519 key, as CreateKey has written it. Only its owner may have
// access to the file (mode 0600 or 0400), or the error matches ErrInsecureKey.
func LoadKey(path string) (*Key, error) {
	content, err := keyfile.Read(path)
	if errors.Is(err, ErrInsecureKey) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	k, err := parsePrivateKey(strings.TrimSpace(string(content)))
	if err != nil {
		return nil, fmt.Errorf("seal: %s is not the file of a private key", path) // the cause may quote it
	}
	return k, nil
}

// CreateKey makes an Ed25519 key and stores it in a new file that only its owner can read, and
// its public part in a file beside it, whose name ends in ".pub". The name is the host of the
// service with a path, such as example.com/audit, and stays the same when the key is replaced. If
// the file exists, the error matches fs.ErrExist.
func CreateKey(path, name string) (*Key, error) {
	private, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("seal: the name of a key must not be empty, or have spaces or a plus sign: %w", err)
	}
	k, err := parsePrivateKey(private)
	if err != nil {
		return nil, err
	}
	if err := keyfile.Create(path, private, k.public); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return k, nil
}

// LoadOrCreateKey is LoadKey, or CreateKey if there is no file.
func LoadOrCreateKey(path, name string) (*Key, error) {
	k, err := LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if k, err = CreateKey(path, name); errors.Is(err, fs.ErrExist) { // by another process, just now
		return LoadKey(path)
	}
	return k, err
}

var errPrivateKey = errors.New("seal: it is no private key")

// parsePrivateKey returns the key of "PRIVATE+KEY+name+hash+key". An error has no part of it.
func parsePrivateKey(text string) (*Key, error) {
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, errPrivateKey
	}
	fields := strings.SplitN(text, "+", 5) // PRIVATE, KEY, the name, the hash, and base64, which may have a plus sign
	key, err := base64.StdEncoding.DecodeString(fields[len(fields)-1])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return nil, errPrivateKey
	}
	public, ok := ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return nil, errPrivateKey
	}
	text, err = note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return nil, errPrivateKey
	}
	return NewKey(signer, text)
}
