package mongodb_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// invoices is the filter of the exporter, for deed.
const invoices = `{"actions":["invoice.*"]}`

// makeCopy makes a sealed ledger in dir, whose invoices are in a collection.
func makeCopy(t *testing.T, dir string) *mongo.Collection {
	t.Helper()
	coll := newCollection(t, connect(t, serverURI))
	key, err := seal.CreateKey(filepath.Join(dir, "key"), "example.com/audit")
	require.NoError(t, err)
	e, err := mongodb.New(t.Context(), coll)
	require.NoError(t, err)
	filter := func(r *record.Record) bool { return strings.HasPrefix(r.Action, "invoice.") }
	p, err := sdk.NewTrackerProvider(sdk.WithSeal(key, seal.WithAnchor(seal.AnchorFile(filepath.Join(dir, "anchor")))),
		sdk.WithLedger(filepath.Join(dir, "ledger"), sdk.ExportTo(export.Filter(e, filter)), ledger.WithScrub(0)))
	require.NoError(t, err)
	tracker := p.Tracker("test")
	for i := range 120 {
		action := "invoice.pay"
		if i%3 == 0 {
			action = "user.login"
		}
		event := audit.Event{Action: action, Actor: audit.User("42"), Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "thing", ID: strconv.Itoa(i)}}
		require.NoError(t, tracker.Track(t.Context(), event))
	}
	require.NoError(t, p.Shutdown(t.Context()))
	t.Cleanup(func() {
		_ = coll.Database().Collection(coll.Name() + mongodb.CheckpointsSuffix).Drop(context.Background())
	})
	return coll
}

// urlOf returns the URL of a collection, for deed.
func urlOf(t *testing.T, coll *mongo.Collection) string {
	t.Helper()
	scheme, rest, ok := strings.Cut(serverURI, "://")
	require.True(t, ok)
	host, options, _ := strings.Cut(rest, "/")
	if _, query, ok := strings.Cut(options, "?"); ok {
		options = "?" + query
	} else {
		options = ""
	}
	return scheme + "://" + host + "/" + coll.Database().Name() + "." + coll.Name() + options
}

// TestVerifyCopy makes each fault in a collection by hand, one after the other, and looks at what
// deed verify says of all of them.
func TestVerifyCopy(t *testing.T) {
	deed, dir := buildDeed(t), t.TempDir()
	coll := makeCopy(t, dir)
	verify := func(code int, args ...string) string {
		all := append([]string{"verify", filepath.Join(dir, "ledger"), "--key", filepath.Join(dir, "key.pub"), "--anchor", filepath.Join(dir, "anchor"), "--mongodb", urlOf(t, coll)}, args...)
		out, err := exec.CommandContext(t.Context(), deed, all...).CombinedOutput()
		if code == 0 {
			require.NoError(t, err, "%s", out)
		} else {
			failed, ok := errors.AsType[*exec.ExitError](err)
			require.True(t, ok, "%s", out)
			require.Equal(t, code, failed.ExitCode(), "%s", out)
		}
		return string(out)
	}
	out := verify(0, "--filter", invoices)
	require.Contains(t, out, "80 documents of this ledger")
	require.Contains(t, out, "80 entries are the ones that were sealed, up to 120")
	require.Contains(t, out, "and nothing is missing")
	require.NotContains(t, out, "ALTERED")
	require.Contains(t, verify(4), "ALTERED    entry 1: missing", "without the filter, the logins are missing")

	// The last checkpoint is there.
	r, err := ledger.OpenReader(filepath.Join(dir, "ledger"))
	require.NoError(t, err)
	id, err := r.ID()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	note, err := mongodb.NewReader(coll).NewestCheckpoint(t.Context(), hex.EncodeToString(id[:]))
	require.NoError(t, err)
	anchored, err := os.ReadFile(filepath.Join(dir, "anchor"))
	require.NoError(t, err)
	require.Equal(t, string(anchored), string(note))

	place := func(seq int64) bson.D { return bson.D{{Key: "place.seq", Value: seq}} }
	_, err = coll.DeleteOne(t.Context(), place(2))
	require.NoError(t, err)
	_, err = coll.UpdateOne(t.Context(), place(3), bson.D{{Key: "$set", Value: bson.D{{Key: "actor.id", Value: "mallory"}}}})
	require.NoError(t, err)
	insert := func(seq int64, change bson.E) {
		var d bson.D
		require.NoError(t, coll.FindOne(t.Context(), place(seq)).Decode(&d))
		fresh := audit.NewID()
		for i := range d {
			switch d[i].Key {
			case "_id":
				d[i].Value = bson.Binary{Subtype: bson.TypeBinaryUUID, Data: fresh[:]}
			case change.Key:
				d[i].Value = change.Value
			}
		}
		_, err := coll.InsertOne(t.Context(), d)
		require.NoError(t, err)
	}
	insert(5, bson.E{})
	insert(6, bson.E{Key: "action", Value: "invoice.cancel"})
	out = verify(4, "--filter", invoices)
	require.Equal(t, 4, strings.Count(out, "ALTERED"), out)
	require.Contains(t, out, "ALTERED    entry 2: missing")
	require.Contains(t, out, "ALTERED    entry 3: changed")
	require.Contains(t, out, "ALTERED    entry 5: doubled")
	require.Regexp(t, `ALTERED    put in: [0-9a-f-]+: its place is that of`, out)
	require.Contains(t, out, "78 entries are the ones that were sealed")
	require.Contains(t, out, "intact: nothing that was sealed", "the ledger itself")

	// The checkpoint and the tiles are enough where the ledger is elsewhere.
	entries, err := os.ReadDir(filepath.Join(dir, "ledger"))
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Name() != seal.DirName {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "ledger", entry.Name())))
		}
	}
	_, err = os.Stat(filepath.Join(dir, "ledger", "state"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	out = verify(4, "--filter", invoices)
	require.Equal(t, 3, strings.Count(out, "ALTERED"), out)
	require.Contains(t, out, "ALTERED    entry 3: changed")
	require.Equal(t, 2, strings.Count(out, "put in:"))
	require.Contains(t, out, "41 entries are not in the copy, and nobody can tell here whether the filter selects them")
}
