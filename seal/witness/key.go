package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/opendeed/audit/seal/internal/keyfile"
	"golang.org/x/mod/sumdb/note"
)

// Key cosigns checkpoints. Each witness has a key of its own, that no ledger is sealed with.
type Key struct {
	verifier *verifier
	private  ed25519.PrivateKey
}

// CreateKey makes an Ed25519 key and stores it in a new file that only its owner can read, and its
// public part in a file beside it, whose name ends in ".pub". The name is the host of the witness
// with a path, such as witness.example.org/w1. If the file exists, the error matches fs.ErrExist.
func CreateKey(path, name string) (*Key, error) {
	private, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("witness: the name of a key must not be empty, or have spaces or a plus sign: %w", err)
	}
	k, err := parseKey(private)
	if err != nil {
		return nil, err
	}
	if err := keyfile.Create(path, private, k.Public()); err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	return k, nil
}

// LoadKey reads a private key, as CreateKey or another tool for signed notes has written it. Only
// its owner may have access to the file (mode 0600 or 0400), or the error matches
// seal.ErrInsecureKey.
func LoadKey(path string) (*Key, error) {
	content, err := keyfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	k, err := parseKey(strings.TrimSpace(string(content)))
	if err != nil {
		return nil, fmt.Errorf("witness: %s is not the file of a private key", path) // the cause may quote it
	}
	return k, nil
}

// Public returns the public key, "name+hash+key", for policies.
func (k *Key) Public() string { return k.verifier.public() }

// Name returns the name of the key.
func (k *Key) Name() string { return k.verifier.name }

// Verifier returns the verifier of the key's cosignatures.
func (k *Key) Verifier() note.Verifier { return k.verifier }

var errPrivateKey = errors.New("witness: it is no private key")

// parseKey returns the key of "PRIVATE+KEY+name+hash+key". An error has no part of it.
func parseKey(text string) (*Key, error) {
	signer, err := note.NewSigner(text)
	if err != nil || !validName(signer.Name()) {
		return nil, errPrivateKey
	}
	fields := strings.SplitN(text, "+", 5)
	seed, err := base64.StdEncoding.DecodeString(fields[len(fields)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, errPrivateKey
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	return &Key{verifier: newVerifier(signer.Name(), ed25519.PublicKey(private[ed25519.SeedSize:])), private: private}, nil
}
