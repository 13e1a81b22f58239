package textdiff_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/opendeed/audit/viewer/internal/textdiff"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func show(spans []textdiff.Span) string {
	var b strings.Builder
	for _, s := range spans {
		if s.Changed {
			b.WriteString("[" + s.Text + "]")
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

func TestWords(t *testing.T) {
	t.Parallel()
	for _, tt := range [][4]string{
		{"", "", "", ""},
		{"same", "same", "same", "same"},
		{"the quick fox", "the slow fox", "the [quick] fox", "the [slow] fox"},
		{"a, b", "a, b and c", "a, b", "a, b[ and c]"},
		{"gone", "", "[gone]", ""},
		{"übergröße 1", "übergröße 2", "übergröße [1]", "übergröße [2]"},
	} {
		o, n := textdiff.Words(tt[0], tt[1])
		assert.Equal(t, tt[2], show(o))
		assert.Equal(t, tt[3], show(n))
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	before := "1\n2\n3\n4\n5\n6\n7\n8\nold line\n9"
	after := "1\n2\n3\n4\n5\n6\n7\n8\nnew line\nadded\n9"
	var got []string
	for _, r := range textdiff.Diff(before, after) {
		got = append(got, show(r.Old)+"|"+show(r.New)+"|"+strconv.Itoa(r.Skipped))
	}
	assert.Equal(t, []string{"||5", "6|6|0", "7|7|0", "8|8|0", "[old] line|[new] line|0", "|[added]|0", "9|9|0"}, got)
	assert.Empty(t, textdiff.Diff("", ""))
}

// TestProperty: each side has all of its text, whatever the other one is, unless equal lines
// are left out.
func TestProperty(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		text := func() string {
			var lines []string
			for range rng.IntN(6) {
				words := []string{}
				for range 1 + rng.IntN(5) {
					words = append(words, string(rune('a'+rng.IntN(3))))
				}
				lines = append(lines, strings.Join(words, " "))
			}
			return strings.Join(lines, "\n")
		}
		before, after := text(), text()
		var o, n []string
		skipped := 0
		for _, r := range textdiff.Diff(before, after) {
			skipped += r.Skipped
			plain := func(spans []textdiff.Span) string { return strings.NewReplacer("[", "", "]", "").Replace(show(spans)) }
			if r.Old != nil {
				o = append(o, plain(r.Old))
			}
			if r.New != nil {
				n = append(n, plain(r.New))
			}
			if r.Same {
				require.Equal(t, r.Old, r.New)
			}
		}
		if skipped == 0 {
			require.Equal(t, before, strings.Join(o, "\n"), "seed %d", seed)
			require.Equal(t, after, strings.Join(n, "\n"), "seed %d", seed)
		}
	}
}

// TestLarge bounds the work for texts that have nothing in common.
func TestLarge(t *testing.T) {
	t.Parallel()
	var a, b strings.Builder
	for n := range 20_000 {
		a.WriteString("a" + strconv.Itoa(n) + "\n")
		b.WriteString("b" + strconv.Itoa(n) + "\n")
	}
	assert.Len(t, textdiff.Diff(a.String(), b.String()), 20_001)
}
