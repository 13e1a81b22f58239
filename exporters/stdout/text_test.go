package stdout

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var update = flag.Bool("update", false, "write the golden files")

// textRecords returns records that use every part of the text format.
func textRecords() []*record.Record {
	at := time.Date(2026, 11, 23, 7, 26, 2, 123999999, time.FixedZone("", 3600))
	mask := attribute.StringValue("***REDACTED***")
	events := []audit.Event{
		{
			Action: "user.login", Operation: audit.OperationLogin, Outcome: audit.OutcomeDenied, Reason: "wrong password",
			Actor: audit.Anonymous(), Target: audit.Target{Type: "user", ID: "alice"},
		},
		{
			Action: "article.update", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess, Reason: "editorial approval",
			Actor: audit.Actor{
				Type: audit.ActorUser, ID: "42", Name: "Alice", AuthMethod: "jwt",
				OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "7", Name: "Zoë O'Neill-李", OnBehalfOf: &audit.Actor{Type: audit.ActorService, ID: "billing"}},
			},
			Target: audit.Target{Type: "article", ID: "1001", Name: "Hello"},
			Changes: []audit.Change{
				{Field: "title", Old: attribute.StringValue("Old"), New: attribute.StringValue("New")},
				{Field: "body", Old: mask, New: mask, Redacted: true},
				{Field: "author.name", Old: attribute.StringValue("hmac:k1:aa"), New: attribute.StringValue("hmac:k1:bb"), Redacted: true},
				{Field: "note", Redacted: true},
				{Field: "pin", Old: attribute.Int64Value(1), New: attribute.Int64Value(2), Redacted: true},
				{Field: "subtitle", New: attribute.StringValue("Now \"with\" text")},
				{Field: "draft", Old: attribute.BoolValue(true)},
				{Field: "nothing"},
				{Field: "same", Old: attribute.Int64Value(1), New: attribute.Int64Value(1)},
				{Field: "rank", Old: attribute.Int64Value(-1), New: attribute.Float64Value(0.5)},
				{Field: "tags", Old: attribute.StringSliceValue(nil), New: attribute.StringSliceValue([]string{"a", "b, c"})},
				{Field: "flags", Old: attribute.BoolSliceValue([]bool{true}), New: attribute.Int64SliceValue([]int64{1, 2})},
				{Field: "sizes", Old: attribute.Float64SliceValue([]float64{1, 2.5}), New: attribute.ByteSliceValue([]byte{0, 255})},
				{Field: "any", Old: attribute.SliceValue(attribute.Int64Value(1), attribute.Value{}), New: attribute.MapValue(
					attribute.Int("a", 1), attribute.String("b:c", "d"))},
				{Field: "reason: x", New: attribute.StringValue("y")},
			},
			Tenant: "acme",
		},
		{Action: "article.delete", Operation: audit.OperationDelete, Kind: audit.KindSignal, Actor: audit.Actor{Type: audit.ActorUnresolved}, Target: audit.Target{Type: "article", ID: "1001"}},
		{Action: "article.purge_all_that_expired", Outcome: audit.OutcomeFailure, Actor: audit.System("nightly-purge"), Target: audit.Target{Type: "article"}, Reason: "disk\nfull"},
		{
			Action: "file.read", Outcome: audit.OutcomeSuccess, Reason: ` "quoted"`, Tenant: "two words",
			Actor:  audit.Actor{Type: audit.ActorUser, ID: "alice@example.com", Name: "Alice) via mtls (", AuthMethod: "oauth2"},
			Target: audit.Target{Type: "a/b", ID: "c/d", Name: ""},
		},
		{Action: "payout.send", Actor: audit.User("alice"), Target: audit.Target{Type: "payout", ID: "7"}, Attempt: audit.ID{1}},
		{Action: "payout.send", Actor: audit.System("audit-recovery"), Target: audit.Target{Type: "payout", ID: "7"}, Attempt: audit.ID{2}},
	}
	records := make([]*record.Record, len(events))
	for i, e := range events {
		e.ID, e.Time = audit.ID{1}, at.Add(time.Duration(i)*time.Second)
		records[i] = &record.Record{Event: e, ObservedTime: e.Time}
	}
	r := records[1]
	r.Channel = "api"
	r.Metadata = []attribute.KeyValue{
		attribute.String("client.address", "10.0.0.1"), attribute.String("http.request.method", "PATCH"),
		attribute.Int("http.response.status_code", 204), attribute.String("http.route", "/articles/:id"), attribute.String("ticket", "T-1"), attribute.String("url.path", "/articles/1001"),
	}
	records[4].Metadata = []attribute.KeyValue{
		attribute.String("rpc.method", "files.v1.Files/Read"), attribute.String("rpc.response.status_code", "OK"), attribute.String("rpc.system.name", "grpc"),
	}
	r.Overridden = []attribute.KeyValue{attribute.String("client.address", "203.0.113.7"), attribute.Int("count", 2)}
	r.Redacted = []string{"changes.body", "metadata.password"}
	r.Marks = []mark.Mark{
		{Kind: mark.SignalOverflow},
		{Path: "actor.name", Kind: mark.Escaped},
		{Path: "metadata", Kind: mark.Dropped, Count: 337},
		{Path: "metadata[300 bytes]", Kind: mark.Cut, Length: 71680, SHA256: [32]byte{1}},
	}
	r.Failure = "no \"index\""
	r.Covers = []audit.Target{{Type: "author", ID: "7"}, {Type: "tag", Name: "a, b"}}
	return records
}

func textOf(t testing.TB, color bool, records ...*record.Record) string {
	t.Helper()
	var b bytes.Buffer
	e := newExporter(t, WithWriter(&b), WithText(), WithColor(color))
	require.NoError(t, e.Export(t.Context(), records))
	return b.String()
}

func TestText(t *testing.T) {
	t.Parallel()
	for name, color := range map[string]bool{"plain": false, "color": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := textOf(t, color, textRecords()...)
			path := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

// The text format can show records that cannot be encoded as JSON.
func TestTextOfUnencodableRecord(t *testing.T) {
	t.Parallel()
	r := unencodable(1)
	r.Metadata = nil
	r.Outcome, r.Actor.Type = 9, 9
	assert.Equal(t, "2026-11-23T07:26:03.123Z  \"Outcome(9)\" article.update        \"ActorType(9)\" 42 → article/1001\n", textOf(t, false, r))

	w := &writer{}
	w.failNext(10, errGone)
	e := newExporter(t, WithWriter(w), WithText())
	require.Error(t, e.Export(t.Context(), []*record.Record{r}))
	require.NoError(t, e.Export(t.Context(), []*record.Record{r}))
	assert.Equal(t, 2, strings.Count(w.got(), "\n"), "the record has no digest, so it is written again")
}

func TestTextOfCircularDelegation(t *testing.T) {
	t.Parallel()
	r := newRecord(1)
	r.Actor.OnBehalfOf = &r.Actor
	assert.Equal(t, record.MaxDelegation, strings.Count(textOf(t, false, r), ", for "))
}

func TestTextOfOddRecords(t *testing.T) {
	t.Parallel()
	for _, r := range exporttest.OddRecords() {
		requireSafe(t, r)
	}
}

// styles matches the escape sequences that text may have.
var styles = regexp.MustCompile(`\x1b\[(0|1|2|31|32|33|36)m`)

// The forms of the indented lines.
var (
	originForm = regexp.MustCompile(`^    (tenant|channel|from|attempt|status|[^ ]+) `)
	bulkForm   = regexp.MustCompile(`^    bulk: [0-9]+ of .`)
	reasonForm = regexp.MustCompile(`^    reason: `)
	failForm   = regexp.MustCompile(`^    failure: `)
	coversForm = regexp.MustCompile(`^    covers: `)
	changeForm = regexp.MustCompile(`^    [-+~] .*: `)
	listForm   = regexp.MustCompile(`^    (metadata|overridden|redacted|marks): `)
)

// requireSafe checks that the text has exactly the lines for the fields of the record, each
// in the right form, and no unprintable characters.
func requireSafe(t testing.TB, r *record.Record) {
	t.Helper()
	b, err := text{}.append(nil, r)
	require.NoError(t, err)
	colored, err := text{color: true}.append(nil, r)
	require.NoError(t, err)
	got := string(b)
	require.Equal(t, got, styles.ReplaceAllString(string(colored), ""))
	require.True(t, utf8.ValidString(got))
	at := strings.IndexFunc(got, func(c rune) bool { return c != '\n' && !strconv.IsPrint(c) })
	require.Negative(t, at, "unprintable character in %q", got)

	first, rest, _ := strings.Cut(got, "\n")
	require.True(t, strings.HasPrefix(first, r.Time.UTC().Format(timeLayout)+"  "), got)
	var forms []*regexp.Regexp
	from, request, status := originOf(r.Metadata)
	if r.Tenant != "" || r.Channel != "" || !r.Attempt.IsZero() || from != "" || request != "" || status != "" {
		forms = append(forms, originForm)
	}
	if r.Reason != "" {
		forms = append(forms, reasonForm)
	}
	if r.Failure != "" {
		forms = append(forms, failForm)
	}
	if len(r.Covers) > 0 {
		forms = append(forms, coversForm)
	}
	if !r.Bulk.IsZero() {
		forms = append(forms, bulkForm)
	}
	for range r.Changes {
		forms = append(forms, changeForm)
	}
	metadata := 0
	for _, kv := range r.Metadata {
		if isShown(kv) {
			metadata++
		}
	}
	for _, n := range []int{metadata, len(r.Overridden), len(r.Redacted), len(r.Marks)} {
		if n > 0 {
			forms = append(forms, listForm)
		}
	}
	lines := strings.SplitAfter(rest, "\n")
	require.Len(t, lines, len(forms)+1, got)
	require.Empty(t, lines[len(forms)], "the last line must end with a line feed")
	for i, form := range forms {
		require.True(t, form.MatchString(lines[i]), "%q does not match %s", lines[i], form)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{
		"plain", "", " ", "line\nfeed", "\r\x1b[2J\x1b]0;title\x07", "\u202eevil", "\x9b31m", "\xff", "\u2028", "a/b:c, d", `"quoted" \n`,
		"2026-11-23T07:26:02.123Z  success  article.delete", "\n    reason: forged", "李 O'Neill", "\u200b", "e\u0301", "\ufeff", "\U000e0041",
	} {
		f.Add(s, uint16(0xffff), int64(7), 0.5)
	}
	f.Fuzz(func(t *testing.T, s string, which uint16, n int64, x float64) {
		requireSafe(t, hostile(s[:min(len(s), 200)], which, n, x))
	})
}

// hostile returns a record with s in the fields that the bits of which select.
func hostile(s string, which uint16, n int64, x float64) *record.Record {
	at := func(bit int) string {
		if which>>bit&1 == 0 {
			return ""
		}
		return s
	}
	values := []attribute.Value{
		{},
		attribute.StringValue(s), attribute.Int64Value(n), attribute.Float64Value(x), attribute.BoolValue(n > 0),
		attribute.StringSliceValue([]string{s, s}), attribute.ByteSliceValue([]byte(s)), attribute.Float64SliceValue([]float64{x}),
		attribute.SliceValue(attribute.StringValue(s), attribute.Int64Value(n)),
		attribute.MapValue(attribute.String(s, s), attribute.Int("n", int(n))),
	}
	r := newRecord(1)
	r.Action, r.Reason, r.Tenant, r.Channel = at(0), at(1), at(2), at(3)
	r.Actor = audit.Actor{Type: audit.ActorType(n % 7), ID: at(4), Name: at(5), AuthMethod: at(6), OnBehalfOf: &audit.Actor{ID: at(7), Name: at(5)}}
	r.Target = audit.Target{Type: at(8), ID: at(9), Name: at(10)}
	r.Kind, r.Outcome = audit.Kind(n%3), audit.Outcome(n%5)
	r.Metadata = []attribute.KeyValue{attribute.String("client.address", at(11)), attribute.String("x", s)}
	for i, v := range values {
		old := values[uint64(n)%uint64(len(values))]
		r.Changes = append(r.Changes, audit.Change{Field: at(12), Old: old, New: v, Redacted: i%2 == 0 && which>>13&1 == 1})
		r.Overridden = append(r.Overridden, attribute.KeyValue{Key: attribute.Key(s), Value: v})
	}
	if which>>14&1 == 1 {
		r.Redacted, r.Marks = []string{s}, []mark.Mark{{Path: s, Kind: "cut"}, {Kind: mark.Kind(s), Count: n, Length: n}}
		r.Failure, r.Covers = s, []audit.Target{{Type: s}, {Type: s, ID: s, Name: s}}
	}
	return r
}

// Records that differ in a field that the text shows must not look alike.
func TestTextUnambiguous(t *testing.T) {
	t.Parallel()
	parts := []string{"", "a", "a/b", "a (b)", `"a"`, "a → b", "a via b", "a, channel b", `\n`, "\n", `"\n"`, "a: b", "a ", " a", "\u00a0a"}
	seen := map[string]string{}
	for field, set := range map[string]func(r *record.Record, s string){
		"id":      func(r *record.Record, s string) { r.Actor.ID = s },
		"name":    func(r *record.Record, s string) { r.Actor.Name = s },
		"method":  func(r *record.Record, s string) { r.Actor.AuthMethod = s },
		"type":    func(r *record.Record, s string) { r.Target.Type = s },
		"target":  func(r *record.Record, s string) { r.Target.ID = s },
		"title":   func(r *record.Record, s string) { r.Target.Name = s },
		"tenant":  func(r *record.Record, s string) { r.Tenant = s },
		"channel": func(r *record.Record, s string) { r.Channel = s },
		"reason":  func(r *record.Record, s string) { r.Reason = s },
		"field":   func(r *record.Record, s string) { r.Changes[0].Field = s },
		"key":     func(r *record.Record, s string) { r.Changes[0].New = attribute.MapValue(attribute.String(s, "v")) },
		"value":   func(r *record.Record, s string) { r.Changes[0].New = attribute.StringValue(s) },
		"mark":    func(r *record.Record, s string) { r.Marks = []mark.Mark{{Path: s, Kind: "cut"}} },
		"kind":    func(r *record.Record, s string) { r.Marks = []mark.Mark{{Path: "p", Kind: mark.Kind(s)}} },
		"failure": func(r *record.Record, s string) { r.Failure = s },
		"cover":   func(r *record.Record, s string) { r.Covers = []audit.Target{{Type: s}} },
	} {
		for _, s := range parts {
			r := newRecord(1)
			r.Actor, r.Target = audit.Actor{Type: audit.ActorUser, ID: "1"}, audit.Target{Type: "t", ID: "1"}
			r.Changes = []audit.Change{{Field: "f", New: attribute.StringValue("w")}}
			set(r, s)
			what := fmt.Sprintf("%s is %q", field, s)
			text := strings.Join(strings.Fields(textOf(t, false, r)), " ") // people do not see how many spaces there are
			if s != "" {
				assert.Empty(t, seen[text], "%s looks the same: %s", what, text)
			}
			seen[text] = what
		}
	}
}

func TestColorDefault(t *testing.T) {
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer device.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "trail"))
	require.NoError(t, err)
	defer file.Close()
	closed, err := os.Create(filepath.Join(t.TempDir(), "closed"))
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	on, off := true, false

	tests := map[string]struct {
		config  config
		noColor string
		term    string
		want    bool
	}{
		"character device": {config{writer: device}, "", "xterm", runtime.GOOS != "windows"},
		"file":             {config{writer: file}, "", "xterm", false},
		"closed file":      {config{writer: closed}, "", "xterm", false},
		"other writer":     {config{writer: new(bytes.Buffer)}, "", "xterm", false},
		"NO_COLOR":         {config{writer: device}, "1", "xterm", false},
		"dumb terminal":    {config{writer: device}, "", "dumb", false},
		"turned on":        {config{writer: file, color: &on}, "1", "dumb", true},
		"turned off":       {config{writer: device, color: &off}, "", "xterm", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NO_COLOR", test.noColor)
			t.Setenv("TERM", test.term)
			assert.Equal(t, test.want, test.config.wantsColor())
		})
	}
}
