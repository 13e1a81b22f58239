package witness

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
)

// testKeys returns keys of witnesses, which all have the same name.
func testKeys(t *testing.T, n int) (keys []*Key) {
	t.Helper()
	for i := range n {
		k, err := CreateKey(filepath.Join(t.TempDir(), "key"), "witness.example.org")
		require.NoError(t, err, i)
		keys = append(keys, k)
	}
	return keys
}

// TestQuorum tries every set of cosignatures.
func TestQuorum(t *testing.T) {
	t.Parallel()
	keys := testKeys(t, 5)
	h := newHistory(t, "log.example.com")
	h.grow(3, "leaf")
	checkpoint := h.checkpoint(3).Note
	lines := "# witnesses\n\n"
	for i, k := range keys {
		lines += fmt.Sprintf("\twitness  w%d %s https://example.com/%d/ \n", i, k.Public(), i)
	}
	tests := map[string]struct {
		groups string
		met    func(signed [5]bool) bool
	}{
		"none":         {"quorum none", func([5]bool) bool { return true }},
		"one":          {"quorum w3", func(s [5]bool) bool { return s[3] }},
		"any":          {"group g any w0 w1\nquorum g", func(s [5]bool) bool { return s[0] || s[1] }},
		"all":          {"group g all w0 w1 w2\nquorum g", func(s [5]bool) bool { return s[0] && s[1] && s[2] }},
		"two of three": {"group g 2 w0 w1 w2\nquorum g", func(s [5]bool) bool { return s[0] && s[1] || s[0] && s[2] || s[1] && s[2] }},
		"nested": {"group a 1 w0 w1\ngroup b any w2 w3\ngroup g all a b w4\nquorum g", func(s [5]bool) bool {
			return (s[0] || s[1]) && (s[2] || s[3]) && s[4]
		}},
	}
	for name, test := range tests {
		policy, err := ParsePolicy([]byte(lines + test.groups))
		require.NoError(t, err, name)
		for set := range 32 {
			signed, want := append([]byte(nil), checkpoint...), [5]bool{}
			count := 0
			for i, k := range keys {
				if want[i] = set>>i&1 == 1; want[i] {
					count++
					signed = append(signed, k.cosign(noteText(checkpoint), time.Unix(1, 0))...)
				}
			}
			all, err := policy.Cosignatures(signed)
			require.Len(t, all, count)
			if test.met(want) {
				require.NoError(t, err, "%s, %v", name, want)
				continue
			}
			quorum, ok := errors.AsType[*QuorumError](err)
			require.True(t, ok, "%s, %v", name, want)
			require.Equal(t, 5, quorum.Witnesses)
			require.Len(t, quorum.Cosigned, count)
		}
	}
}

// TestFalseCosignatures demands that they are of the checkpoint.
func TestFalseCosignatures(t *testing.T) {
	t.Parallel()
	key := testKeys(t, 1)[0]
	policy, err := ParsePolicy([]byte("witness w " + key.Public() + "\nquorum w"))
	require.NoError(t, err)
	h := newHistory(t, "log.example.com")
	h.grow(3, "leaf")
	checkpoint, other := h.checkpoint(3).Note, h.checkpoint(2).Note
	now := time.Unix(1, 0)
	require.NoError(t, policy.Check(append(checkpoint, key.cosign(noteText(checkpoint), now)...)))
	require.Error(t, policy.Check(checkpoint))
	require.Error(t, policy.Check(append(checkpoint, key.cosign(noteText(other), now)...)))
	require.Error(t, policy.Check([]byte("no note")))
	require.Error(t, policy.Check(nil))
	stranger := testKeys(t, 1)[0]
	require.Error(t, policy.Check(append(checkpoint, stranger.cosign(noteText(checkpoint), now)...)))
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	keys := testKeys(t, 2)
	a, b := keys[0].Public(), keys[1].Public()
	h := newHistory(t, "log.example.com")
	policy, err := ParsePolicy([]byte("log " + h.public + " https://log.example.com\nquorum none\n"))
	require.NoError(t, err)
	require.Equal(t, h.verifier().KeyHash(), policy.Logs()[0].KeyHash())
	sealing, err := seal.CreateKey(filepath.Join(t.TempDir(), "key"), "example.com")
	require.NoError(t, err)

	tests := map[string]struct{ text, want string }{
		"nothing":                   {"", "quorum"},
		"no quorum":                 {"witness a " + a, "quorum"},
		"two":                       {"quorum none\nquorum none", "line 2 of the policy: there is more than one quorum"},
		"an unknown name":           {"quorum a", `no line before it defines "a"`},
		"a later name":              {"group g 1 a\nwitness a " + a, `line 1 of the policy: no line before it defines "a"`},
		"a name twice":              {"witness a " + a + "\nwitness a " + b, "in use"},
		"the name none":             {"witness none " + a, "in use"},
		"a key twice":               {"witness a " + a + "\nwitness b " + a, "same key"},
		"a log twice":               {"log " + h.public + "\nlog " + h.public, "same key"},
		"a member of two":           {"witness a " + a + "\ngroup g any a\ngroup h any a", "already in a group"},
		"a member twice":            {"witness a " + a + "\ngroup g any a a", "already in a group"},
		"too many of too few":       {"witness a " + a + "\ngroup g 2 a", "how many of the 1 members"},
		"zero":                      {"witness a " + a + "\ngroup g 0 a", "how many of the 1 members"},
		"01":                        {"witness a " + a + "\ngroup g 01 a", "how many of the 1 members"},
		"a group without members":   {"group g all", "words"},
		"a key of a ledger":         {"witness a " + sealing.Public(), "not the public key of a witness"},
		"a log with a witness's":    {"log " + a, "public key of a log"},
		"a URL of another scheme":   {"witness a " + a + " ftp://example.com", "URL"},
		"a URL with a query":        {"witness a " + a + " https://example.com/?a", "URL"},
		"a URL with a user":         {"witness a " + a + " https://token@example.com", "without a user"},
		"another word":              {"witnesses a", "begins with none"},
		"a control character":       {"quorum\x00none", "control character"},
		"carriage returns":          {"quorum none\r\n", "control character"},
		"too many words":            {"quorum a b", "words"},
		"more than a policy can be": {strings.Repeat("#", maxPolicy+1), "bytes"},
	}
	for name, test := range tests {
		_, err := ParsePolicy([]byte(test.text))
		require.ErrorContains(t, err, test.want, name)
		require.NotContains(t, err.Error(), a)
	}
}

// TestPolicyOfSimilarKeys has keys whose text has a plus sign near its end.
func TestPolicyOfSimilarKeys(t *testing.T) {
	t.Parallel()
	var one, two [ed25519.PublicKeySize]byte
	one[0], one[31], two[31] = 1, 0x3e, 0x3e
	a, b := newVerifier("w1", one[:]).public(), newVerifier("w2", two[:]).public()
	require.True(t, strings.HasSuffix(a, "+") && strings.HasSuffix(b, "+"))
	_, err := ParsePolicy([]byte("witness a " + a + "\nwitness b " + b + "\nquorum none"))
	require.NoError(t, err)
	_, err = ParsePolicy([]byte("witness a " + a + "\nwitness b " + strings.Replace(a, "w1", "w2", 1) + "\nquorum none"))
	require.Error(t, err)
}

// FuzzPolicy requires that no text makes the reader panic, and that what it reads can be asked.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte("witness a witness.example.org+6f3c1f2a+BAX= https://example.com\ngroup g 2 a b\nquorum g\n"))
	f.Add([]byte("# nothing\n\nquorum none"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy(text)
		if err == nil {
			require.Error(t, p.Check([]byte("no note")))
		}
	})
}

// FuzzRequest requires that what is read is written as it was.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("old 10\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\nlog.example.com\n20\nAAAA\n\n— a b\n"))
	f.Add([]byte("old 0\n\n\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseRequest(body)
		if err != nil {
			return
		}
		require.Equal(t, string(body), string(r.encode()))
		require.LessOrEqual(t, len(r.proof), maxProof)
	})
}
