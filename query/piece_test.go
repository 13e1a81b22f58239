package query

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPiece compares the search for pieces with a simple one, at every place and length.
func TestPiece(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 5))
	const letters = `ab@1"\` + "\x00\x01\x80\xc3\xff`!AB"
	found := 0
	for range 20_000 {
		json := make([]byte, rng.IntN(120))
		for i := range json {
			json[i] = letters[rng.IntN(len(letters))]
		}
		word := make([]byte, rng.IntN(5))
		for i := range word {
			word[i] = "abAB@1!"[rng.IntN(7)]
		}
		p := newPiece(string(word))
		want := bytes.Contains(asciiLower(json), asciiLower(word))
		require.Equal(t, want, p.isIn(json), "%q in %q", word, json)
		if want && len(word) > 1 {
			found++
		}
	}
	assert.Greater(t, found, 1000)
}

func asciiLower(b []byte) []byte {
	lower := bytes.Clone(b)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return lower
}
