package delivery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Closing says how to close attempts that were left open.
type Closing struct {
	Actor    string // ID of the system actor that closes them
	Tracker  record.Instrumentation
	Resource *resource.Resource
	Timeout  time.Duration
	Closed   func(n int) // gets the number of closed attempts
}

// foldFailure is the failure in a record that closes a fold.
const foldFailure = "the process stopped before it recorded how many events were folded"

// recoveryFailure is the failure in a record that closes an attempt.
const recoveryFailure = "the process stopped before the attempt was finished"

// attemptRole is the ledger.PairFunc of attempts: their key is the attempt's ID. Every
// record of an attempt that does not begin it ends it.
func attemptRole(entry []byte) (key [16]byte, role ledger.PairRole) {
	attempt, id := attemptMembers(entry)
	var attemptID audit.ID
	if attempt == nil || attemptID.UnmarshalText(attempt) != nil {
		return key, ledger.PairNone
	}
	if bytes.Equal(attempt, id) {
		return attemptID, ledger.PairOpen
	}
	return attemptID, ledger.PairClose
}

// attemptMembers returns the members attempt and id of a record's JSON, as AppendJSON
// writes it, or nil if the record has no attempt. It does not decode the record, which
// would cost as much as tracking it.
func attemptMembers(entry []byte) (attempt, id []byte) {
	depth := 0
	for i := 0; i < len(entry); i++ {
		switch entry[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			name, rest := cutString(entry[i+1:])
			i = len(entry) - len(rest) - 1 // at the closing quote
			if depth != 1 || len(rest) < 2 || rest[0] != ':' {
				continue // not the name of a member of the record
			}
			text, _ := cutString(rest[2:])
			switch string(name) {
			case "action", "actor": // come before attempt
			case "attempt":
				attempt = text
			case "id":
				return attempt, text
			default:
				if attempt == nil {
					return nil, nil
				}
			}
		}
	}
	return nil, nil
}

// cutString returns the parts of b before and after the quote that ends a string.
func cutString(b []byte) (text, rest []byte) {
	for at := 0; ; at++ {
		next := bytes.IndexByte(b[at:], '"')
		if next < 0 {
			return b, nil
		}
		at += next
		escapes := 0
		for escapes < at && b[at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return b[:at], b[at+1:]
		}
	}
}

// openAttempts starts tracking attempts, and returns the records that began those which
// the last process left open.
func (d *Ledger) openAttempts() ([]*record.Record, error) {
	attempts, found, err := d.ledger.TrackPairs(attemptRole)
	if err != nil {
		return nil, err
	}
	d.attempts = attempts
	for _, err := range found.Damage {
		d.logger.Error("audit: the list of open attempts was damaged and is restored from the ledger; it may lack attempts, or contain finished ones",
			slog.String("ledger", d.name), slog.Any("error", err))
	}
	var open []*record.Record
	for _, e := range found.Entries {
		r := new(record.Record)
		if err := r.UnmarshalJSON(e.Data); err != nil {
			d.logger.Error("audit: an entry looks like the beginning of an attempt, but is not a record; it is ignored",
				slog.String("ledger", d.name), slog.Uint64("entry", e.Seq))
			continue
		}
		open = append(open, r)
	}
	return open, nil
}

// begin appends a record that begins an attempt, if its party may have another one.
func (d *Ledger) begin(ctx context.Context, r *record.Record, p party.Party, entry []byte) (seq uint64, err error) {
	if p.Class == party.Trusted {
		p = party.OfAttempt(r)
	}
	began, err := d.open.begin(r, p, len(entry))
	if err != nil {
		return 0, err
	}
	seq, err = d.attempts.Append(ctx, entry)
	if err != nil && began && !errors.Is(err, ledger.ErrMaybeStored) {
		d.open.end(r.Attempt)
	}
	return seq, err
}

// expireAttempts frees the slots of attempts that were left open too long. Their outcome
// is not known, so nothing is recorded about it.
func (d *Ledger) expireAttempts(ids []audit.ID) {
	keys := make([][16]byte, len(ids))
	for i, id := range ids {
		keys[i] = id
	}
	d.attempts.Release(keys...)
	d.metrics.expiredAttempts.Add(context.Background(), int64(len(ids)), d.label)
	d.logger.Warn("audit: attempts were not finished in time; a start after a crash will not close them, but Finish still does",
		slog.String("ledger", d.name), slog.Int("attempts", len(ids)), slog.Duration("timeout", d.open.timeout))
}

// closingBytes is the approximate size of the closing records that are appended together.
const closingBytes = 16 << 10

// closeAttempts records an unknown outcome for the attempts. Those that it cannot record
// stay open until the next start. That is no reason not to start: a ledger may be full
// until its exporters have made room.
func (d *Ledger) closeAttempts(c *Closing, open []*record.Record) {
	if len(open) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	for _, begun := range open { // until they are closed
		_, _ = d.open.begin(begun, party.OfAttempt(begun), 0) // beyond the limit of a party it has no deadline
	}
	closed, size := 0, 0
	var entries [][]byte
	var errs []error
	for i, begun := range open {
		entry, err := c.record(begun, time.Now()).AppendJSON(nil)
		if err != nil {
			errs = append(errs, err) // the others can still be closed
		} else {
			entries, size = append(entries, entry), size+len(entry)
		}
		if size < closingBytes && i < len(open)-1 {
			continue
		}
		if _, err := d.ledger.Append(ctx, entries...); err != nil {
			errs = append(errs, err)
			break
		}
		closed += len(entries)
		entries, size = nil, 0
		for _, begun := range open[:i+1] {
			d.open.end(begun.ID)
		}
	}
	c.Closed(closed)
	if closed > 0 {
		d.logger.Warn("audit: attempts were left open when the process stopped; they are closed with an unknown outcome",
			slog.String("ledger", d.name), slog.Int("attempts", closed))
	}
	if len(errs) > 0 {
		d.logger.Error("audit: attempts that were left open could not be closed; the next start tries again",
			slog.String("ledger", d.name), slog.Int("attempts", len(open)-closed), slog.Any("error", errors.Join(errs...)))
	}
}

// record returns the record that closes an attempt with an unknown outcome. It repeats
// what was attempted, but nothing about the request that began it: neither metadata nor
// channel, actor or changes.
//
// The beginning of a fold says in its metadata whose events were folded, and all of that
// is the SDK's own. Its count was lost with the process.
func (c *Closing) record(begun *record.Record, now time.Time) *record.Record {
	now = now.UTC().Round(0)
	r := &record.Record{
		Event: audit.Event{
			ID:        closingID(begun.ID),
			Time:      now,
			Action:    begun.Action,
			Operation: begun.Operation,
			Actor:     audit.System(c.Actor),
			Target:    masked(begun.Target),
			Covers:    maskedAll(begun.Covers),
			Outcome:   audit.OutcomeUnknown,
			Reason:    maskErasable(begun.Reason),
			Failure:   recoveryFailure,
			Bulk:      begun.Bulk,
			Attempt:   begun.ID,
			Tenant:    begun.Tenant,
			Marks:     repeatedMarks(begun.Marks),
		},
		ObservedTime: now,
		Tracker:      c.Tracker,
		Resource:     c.Resource,
		TraceID:      begun.TraceID,
		Redacted:     repeatedPaths(begun.Redacted),
	}
	if isFold(begun) {
		r.Failure = foldFailure
		r.Metadata = begun.Metadata
		r.AddMark(mark.Mark{Path: "bulk.affected", Kind: mark.CountUnknown})
	}
	return r
}

// maskErasable returns the mask for an erasable value, which can be opened in its own record
// only, and any other text as it is.
func maskErasable(text string) string {
	if record.IsErasable(text) {
		return record.RedactedText
	}
	return text
}

func masked(t audit.Target) audit.Target {
	t.Name = maskErasable(t.Name)
	return t
}

func maskedAll(targets []audit.Target) []audit.Target {
	targets = slices.Clone(targets)
	for i := range targets {
		targets[i] = masked(targets[i])
	}
	return targets
}

// isFold reports whether the record begins a fold (package folding).
func isFold(r *record.Record) bool {
	return slices.ContainsFunc(r.Metadata, func(kv attribute.KeyValue) bool { return kv.Key == semconv.FoldKey })
}

// repeatedPaths returns the paths of fields that a closing record repeats.
func repeatedPaths(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return !isRepeated(path) })
}

// repeatedMarks returns the marks of fields that a closing record repeats.
func repeatedMarks(marks []mark.Mark) []mark.Mark {
	return slices.DeleteFunc(slices.Clone(marks), func(m mark.Mark) bool { return !isRepeated(m.Path) })
}

// isRepeated reports whether a closing record repeats the field with the path.
func isRepeated(path string) bool {
	return path == "tenant" || path == "reason" || strings.HasPrefix(path, "target.") ||
		strings.HasPrefix(path, "covers[") || strings.HasPrefix(path, "bulk.")
}

// closingID returns the ID of the record that closes an attempt. It follows from the
// attempt's ID, so closing an attempt twice yields the same record: after an append whose
// outcome was unknown, or by two ledgers.
func closingID(attempt audit.ID) audit.ID {
	sum := sha256.Sum256(append([]byte("audit: closes "), attempt[:]...))
	id := attempt                                   // keeps the time of the attempt
	copy(id[6:], sum[:])                            // in place of the random part
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80 // version 7
	return id
}
