package scan_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opendeed/audit/query/internal/scan"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// check scans a text. Where the scanner accepts it, it is the canonical JSON of a record, and has
// what the decoded record has.
func check(t *testing.T, c *scan.Scanner, text string) (accepted bool) {
	t.Helper()
	var found scan.Record
	if !c.Record(text, &found) {
		return false
	}
	var r record.Record
	require.NoError(t, r.UnmarshalJSON([]byte(text)), "%s", text)
	canonical, err := r.AppendJSON(nil)
	require.NoError(t, err)
	require.Equal(t, string(canonical), text)
	require.Equal(t, r.Time, found.Time)
	require.Equal(t, r.ID, found.ID)
	require.Equal(t, r.Attempt, found.Attempt)
	require.Equal(t, r.Kind, found.Kind)
	require.Equal(t, r.Operation, found.Operation)
	require.Equal(t, r.Outcome, found.Outcome)
	require.Equal(t, r.Actor.Type, found.ActorType)
	require.Equal(t, membersOf(t, text), members(text, found.Members))
	return true
}

// membersOf returns the members of the JSON of a record, as encoding/json reads it.
func membersOf(t *testing.T, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for path, value := range objectOf(t, text) {
		all[path] = value
		if path == "actor" || path == "target" {
			for name, value := range objectOf(t, value) {
				all[path+"."+name] = value
			}
		}
	}
	return all
}

func objectOf(t *testing.T, text string) map[string]string {
	t.Helper()
	var raw map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &raw))
	all := map[string]string{}
	for name, value := range raw {
		all[name] = string(value)
	}
	return all
}

func members(text string, found []scan.Member) map[string]string {
	all := map[string]string{}
	for _, m := range found {
		all[m.Path.String()] = m.Value(text)
	}
	return all
}

// texts returns the JSON of records, as package record tests it.
func texts(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../../../record/testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all = append(all, strings.TrimSpace(string(text)))
	}
	return all
}

const small = `{"action":"a.b","actor":{"type":"user"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","outcome":"unknown","time":"2026-11-23T07:26:02.123456789Z"}`

// FuzzRecord changes records. Whatever the scanner accepts is canonical.
func FuzzRecord(f *testing.F) {
	for _, text := range texts(f) {
		f.Add(text)
	}
	f.Add(small)
	f.Add(strings.Replace(small, `"id"`, `"changes":[{"field":"","new":{"a":{"b":[true]},"c":[1,-2],"d":["x"]},"old":"\u001f\b\"é"}],"id"`, 1))
	f.Fuzz(func(t *testing.T, text string) {
		var c scan.Scanner
		check(t, &c, text)
		check(t, &c, text) // with what it has kept
	})
}

// TestEveryChange changes, removes and repeats each byte of records that have every member.
func TestEveryChange(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, text := range texts(t) {
		var c scan.Scanner
		accepted := check(t, &c, text)
		for at := range text {
			for _, change := range []string{"", text[at:at+1] + text[at:at+1], string(rune(32 + rng.IntN(95))), "0", "\\", " ", ","} {
				check(t, &c, text[:at]+change+text[at+1:])
			}
		}
		if !strings.Contains(text, `"$`) && !strings.Contains(text, "null") && !strings.Contains(text, `{"":`) {
			assert.True(t, accepted, "it is decoded, though nothing of it is rare: %s", text)
		}
	}
}

// TestRareValues: what the scanner does not know is decoded.
func TestRareValues(t *testing.T) {
	t.Parallel()
	for value, accepted := range map[string]bool{
		`"\u001f\b\"é\u2028"`: false, `"\u001f\b\"é"`: true, `"\u0008"`: false, `"\u001F"`: false, `"\/"`: false, `""`: true,
		`0`: true, `-1`: true, `999999999999999`: true, `9007199254740991`: true, `9007199254740992`: false, `1.5`: true, `1.0`: false, `1e+21`: true, `-0`: false, `01`: false, `true`: true, `null`: false,
		`["a","b"]`: true, `[1,2]`: true, `[1,true]`: true, `[]`: true, `[[1]]`: true, `[1, 2]`: false, `[null]`: false,
		strings.Repeat("[", 64) + strings.Repeat("]", 64): true, strings.Repeat("[", 65) + strings.Repeat("]", 65): false,
		`{"a":{"b":[true]},"c":1}`: true, `{"c":1,"a":1}`: false, `{}`: true, `{"$i":"1"}`: false, `{"é":1}`: true, `{"":1}`: false,
	} {
		var c scan.Scanner
		text := strings.Replace(small, `"id"`, `"changes":[{"field":"a","new":`+value+`}],"id"`, 1)
		assert.Equal(t, accepted, check(t, &c, text), "%s", value)
	}
}
