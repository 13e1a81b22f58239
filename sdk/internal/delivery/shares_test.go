package delivery

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"

	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func networkParty(i int) party.Party {
	return party.Party{Class: party.Anonymous, Network: netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))}
}

// TestSharesProperty adds and removes random entries, and compares the accounts with the
// entries themselves. An account may count a removed entry until its span is removed.
func TestSharesProperty(t *testing.T) {
	t.Parallel()
	type entry struct {
		party party.Party
		bytes int64
	}
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		limit := int64(1) << (16 + rng.IntN(10))
		s := newShares(limit)
		entries, first := map[uint64]entry{}, uint64(1)
		biggest := int64(1)
		for seq := uint64(1); seq < 2000; seq++ {
			p := networkParty(rng.IntN(4))
			if rng.IntN(2) == 0 {
				p = party.Party{Class: party.Denied}
			}
			e := entry{p, 1 + rng.Int64N(limit/200)}
			biggest = max(biggest, e.bytes)
			if s.room(p, 0, first) == party.Enough { // as the provider does
				s.add(p, seq, e.bytes)
				entries[seq] = e
			}
			if rng.IntN(20) == 0 { // retention removes segments
				for until := first + rng.Uint64N(seq-first+2); first < until; first++ {
					delete(entries, first)
				}
			}
			if seq%10 != 0 {
				continue
			}
			classes, parties := map[party.Class]int64{}, map[party.Party]int64{}
			for _, e := range entries {
				classes[e.party.Class] += e.bytes
				parties[e.party] += e.bytes
			}
			for _, class := range []party.Class{party.Denied, party.Anonymous} {
				s.classes[class].remove(first)
				precision := s.classes[class].limit/maxSpans + biggest
				assert.InDelta(t, classes[class], s.classes[class].bytes, float64(precision))
				assert.GreaterOrEqual(t, s.classes[class].bytes, classes[class], "never too little")
				require.LessOrEqual(t, classes[class], limit/classPart+biggest)
				require.LessOrEqual(t, len(s.classes[class].spans), maxSpans+2)
			}
			for _, bytes := range parties {
				require.LessOrEqual(t, bytes, limit/classPart/partyPart+biggest, "of one party")
			}
			if t.Failed() {
				t.Fatalf("seed %d, entry %d", seed, seq)
			}
		}
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	s := newShares(800_000)
	one, two, actor := networkParty(1), networkParty(2), party.Party{Class: party.Denied}
	s.add(one, 1, 25_000)
	assert.Equal(t, party.PartyFull, s.room(one, 25_000, 1), "an eighth of a quarter")
	assert.Equal(t, party.Enough, s.room(two, 25_000, 1))
	assert.Equal(t, party.Enough, s.room(actor, 25_000, 1))
	for i := range 7 {
		s.add(networkParty(2+i), uint64(2+i), 25_000)
	}
	assert.Equal(t, party.ClassFull, s.room(networkParty(99), 200_000, 1), "a quarter")
	assert.Equal(t, party.Enough, s.room(actor, 200_000, 1), "another share")
	assert.Equal(t, party.Enough, s.room(party.Party{}, 800_000, 1), "trusted")
	assert.Equal(t, party.ClassFull, s.room(actor, 600_000, 1), "the last quarter")
	assert.Equal(t, party.LedgerFull, s.room(actor, 700_000, 1))
	s.promise(100_000)
	assert.Equal(t, party.LedgerFull, s.room(actor, 600_000, 1), "the ends of folds need room, too")
	s.promise(-100_000)
	assert.Equal(t, party.Enough, s.room(one, 0, 2), "the entry was removed")
	assert.Equal(t, party.Enough, newShares(0).room(one, 1<<40, 1), "no limit")
}

func TestSharesForgetParties(t *testing.T) {
	t.Parallel()
	s := newShares(1 << 40)
	for i := range 2 * maxAccounts {
		s.add(networkParty(i), uint64(i+1), 1)
	}
	assert.Len(t, s.parties[party.Anonymous].byParty, maxAccounts)
	assert.Equal(t, maxAccounts, s.parties[party.Anonymous].recent.Len())
	assert.EqualValues(t, 2*maxAccounts, s.classes[party.Anonymous].bytes)
}

func TestShareFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := newShareFile(dir)
	s := newShares(1 << 20)
	require.NoError(t, f.load(s), "there is no file yet")
	s.add(networkParty(1), 7, 1000)
	s.add(party.Party{Class: party.Denied}, 8, 500)
	require.NoError(t, f.save(s))
	again := newShares(1 << 20)
	require.NoError(t, f.load(again))
	assert.EqualValues(t, 1000, again.classes[party.Anonymous].bytes)
	assert.Equal(t, []span{{Last: 8, Bytes: 500}}, again.classes[party.Denied].spans)
	for _, damaged := range []string{"", "{", `{"denials":[{"last":1,"bytes":-1}]}`, `{"denials":[{"last":1,"bytes":9e18},{"last":2,"bytes":9000000000000000000}]}`} {
		require.NoError(t, os.WriteFile(f.path, []byte(damaged), 0o600))
		s := newShares(1 << 20)
		require.Error(t, f.load(s), damaged)
		assert.Zero(t, s.classes[party.Denied].bytes)
	}
}
