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
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Closing says how to close attempts that were left open.
type Closing struct {
	Actor    string // ID of the system actor that closes them
	Tracker  record.Instrumentation
	Resource *resource.Resource
	Timeout  time.Duration
	Closed   func(n int) // is told how many were closed
}

// recoveryReason is the reason of the record that closes one.
const recoveryReason = "the process stopped before the attempt was finished"

// attemptRole tells the ledger what an entry is to an attempt. Any record of it that
// does not begin it ends it.
func attemptRole(entry []byte) (key [16]byte, part ledger.PairRole) {
	attempt, id := attemptMembers(entry)
	var of audit.ID
	if attempt == nil || of.UnmarshalText(attempt) != nil {
		return key, ledger.PairNone
	}
	if bytes.Equal(attempt, id) {
		return of, ledger.PairOpen
	}
	return of, ledger.PairClose
}

// attemptMembers returns the members attempt and id of a record's JSON, as AppendJSON
// writes it: the whole record is decoded only where it is needed, since decoding costs
// as much as tracking it. Without an attempt it returns nil.
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
				continue // no name of a member
			}
			text, _ := cutString(rest[2:])
			switch string(name) {
			case "action", "actor": // are ahead of it
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

// cutString returns what is ahead of the quote that ends a string, and behind it.
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

// openAttempts returns the records that began the attempts that the last process left
// open.
func (d *Ledger) openAttempts() ([]*record.Record, error) {
	attempts, found, err := d.ledger.TrackPairs(attemptRole)
	if err != nil {
		return nil, err
	}
	d.attempts = attempts
	for _, err := range found.Damage {
		d.logger.Error("audit: the ledger's open attempts may not be all known, or may be finished; the rest of the ledger was read for them",
			slog.String("ledger", d.name), slog.Any("error", err))
	}
	var open []*record.Record
	for _, e := range found.Entries {
		r := new(record.Record)
		if err := r.UnmarshalJSON(e.Data); err != nil {
			d.logger.Error("audit: an entry that looks as though it began an attempt is no record; it is left as it is",
				slog.String("ledger", d.name), slog.Uint64("entry", e.Seq))
			continue
		}
		open = append(open, r)
	}
	return open, nil
}

// closingBytes is about how much is appended at once.
const closingBytes = 16 << 10

// closeAttempts records that nobody knows what came of the attempts. What cannot be
// recorded stays open until the next start: a ledger without room is no reason not to
// start, since the exporters make room.
func (d *Ledger) closeAttempts(c *Closing, open []*record.Record) {
	if len(open) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	closed, size := 0, 0
	var entries [][]byte
	var errs []error
	for i, begun := range open {
		entry, err := c.record(begun, time.Now()).AppendJSON(nil)
		if err != nil {
			errs = append(errs, err) // of this one only
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
	}
	c.Closed(closed)
	if closed > 0 {
		d.logger.Warn("audit: attempts were left open when the process stopped; they are closed with an unknown outcome",
			slog.String("ledger", d.name), slog.Int("attempts", closed))
	}
	if len(errs) > 0 {
		d.logger.Error("audit: attempts that were left open cannot be closed; the next start tries again",
			slog.String("ledger", d.name), slog.Int("attempts", len(open)-closed), slog.Any("error", errors.Join(errs...)))
	}
}

// closingRecord says that nobody knows what came of an attempt. It says again what was
// attempted, and nothing of the request that began it: neither metadata nor channel,
// actor or changes.
func (c *Closing) record(begun *record.Record, now time.Time) *record.Record {
	now = now.UTC().Round(0)
	return &record.Record{
		Event: audit.Event{
			ID:        closingID(begun.ID),
			Time:      now,
			Action:    begun.Action,
			Operation: begun.Operation,
			Actor:     audit.System(c.Actor),
			Target:    begun.Target,
			Outcome:   audit.OutcomeUnknown,
			Reason:    recoveryReason,
			Bulk:      begun.Bulk,
			Attempt:   begun.ID,
			Tenant:    begun.Tenant,
		},
		ObservedTime: now,
		Tracker:      c.Tracker,
		Resource:     c.Resource,
		TraceID:      begun.TraceID,
		Redacted:     restated(begun.Redacted),
		Marked:       restated(begun.Marked),
	}
}

// restated returns those of the paths that a closing record has, too.
func restated(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return path != "tenant" && !strings.HasPrefix(path, "target.") && !strings.HasPrefix(path, "bulk.")
	})
}

// closingID makes the ID of the record that closes an attempt from that of the
// attempt, so that one that is closed again, since it was not known whether the first
// record was stored, or by another ledger, is closed by the same record.
func closingID(attempt audit.ID) audit.ID {
	sum := sha256.Sum256(append([]byte("audit: closes "), attempt[:]...))
	id := attempt                                   // the time of the attempt
	copy(id[6:], sum[:])                            // and what looks random
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80 // of version 7
	return id
}
