package witness

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// The sizes of ML-DSA-44, and its type in C2SP's signed-note.
const (
	mldsaAlgorithm     = 6
	mldsaPublicKeySize = 1312
	mldsaSignatureSize = 2420
)

// mldsaLine returns a line as a witness with an ML-DSA key answers it.
func mldsaLine(name string) []byte {
	sig := binary.BigEndian.AppendUint64([]byte{1, 2, 3, 4}, 1_700_000_000)
	sig = append(sig, bytes.Repeat([]byte{5}, mldsaSignatureSize)...)
	return fmt.Appendf(nil, "%s%s %s\n", linePrefix, name, base64.StdEncoding.EncodeToString(sig))
}

// TestBothKindsOfKeys asks a witness that cosigns with an ML-DSA key too, first of all: what
// counts is the cosignature by its Ed25519 key.
func TestBothKindsOfKeys(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com")
	h.grow(3, "leaf")
	w, key := newWitness(t, nil, h.verifier())
	both := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, r)
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(append(mldsaLine(key.Name()), answer.Body.Bytes()...))
	})
	policy, err := ParsePolicy([]byte(serve(t, "a", key.Public(), both) + "quorum a"))
	require.NoError(t, err)
	signed, err := cosign(t, NewClient(policy), h, 3)
	require.NoError(t, err)
	require.NoError(t, policy.Check(signed))
	require.NotContains(t, string(signed), string(mldsaLine(key.Name())))
	require.NoError(t, policy.Check(append(signed, mldsaLine(key.Name())...)), "another program keeps both lines")
}

// TestPolicyOfMLDSA rejects a policy with an ML-DSA key, whose quorum would mean another one
// without it.
func TestPolicyOfMLDSA(t *testing.T) {
	t.Parallel()
	key := append([]byte{mldsaAlgorithm}, make([]byte, mldsaPublicKeySize)...)
	_, err := ParsePolicy(fmt.Appendf(nil, "witness a witness.example.org+01020304+%s\nquorum a", base64.StdEncoding.EncodeToString(key)))
	require.ErrorContains(t, err, "with an Ed25519 key for cosignatures")
}
