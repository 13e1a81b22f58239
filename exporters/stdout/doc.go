// Package stdout exports records to standard output or another io.Writer, as lines of
// JSON for programs or as text for people.
//
//	exporter, err := stdout.New()                  // JSON lines to os.Stdout
//	exporter, err := stdout.New(stdout.WithText()) // text to os.Stdout
//	exporter, err := stdout.New(stdout.WithFile("/var/log/app/audit.jsonl"))
//
// # JSON lines
//
// Each record is one line: its canonical JSON (record.Record.AppendJSON) and a line
// feed. The lines of a batch are written in one call of Write, so that other output of
// the program cannot come between them.
//
// With WithPlaces, a line also has the place of the record in its ledger, as its last member.
// Readers of records ignore it.
//
// # Text
//
// Text is for reading at a terminal. Its format may change between versions. The first
// line has the time in UTC, the outcome, or "begun" for the first record of an attempt,
// the action, the actor and the target. Indented lines after it have the tenant, the channel,
// the client address, the route and the status, the reason, why it failed, the changes,
// further metadata, and the overridden, redacted and marked values:
//
//	2026-11-23T07:26:02.123Z  success  article.update        user 42 (Alice) via jwt, for user 7 → article/1001 "Hello"
//	    tenant acme, channel api, from 10.0.0.1, PUT /articles/:id, status 200
//	    reason: editorial approval
//	    ~ title: "Old" → "New"
//	    ~ body: ***REDACTED***
//	    + subtitle: "Now with text"
//	    metadata: ticket "T-1"
//	    overridden: client.address "203.0.113.7"
//
// A change starts with + if a value was added, - if one was removed, and ~ if one was
// replaced. The first line of a signal ends with [signal]. Text omits the IDs of the
// record and the trace, the roles, the session, the service, and of a request its ID, path,
// peer and user agent; use JSON to get everything.
//
// The values of a record cannot forge a line or control the terminal. A text that could
// be misread is printed as a quoted Go string, in which line feeds, escape sequences,
// bidirectional controls and other unprintable characters are written as \n, \x1b or
// \u202e.
//
// # Files and their rotation
//
// With WithFile, the exporter opens the file again after rotation. The file of WithWriter
// it does not own, and a *FileMovedError says that it was moved. Both are noticed before
// and after each write, by comparing the file with what its path leads to.
//
// # Failures
//
// A failed or short write is an error. It leaves no incomplete or duplicate line:
//
//   - A record is delivered if the writer accepted its whole line and the flush
//     succeeded. The *export.PartialError lists all other records. With any other error,
//     no record was delivered.
//   - A line that was written in part is completed before anything else is written. The
//     error of its record matches audit.ErrMaybeStored, because the line will be complete
//     once the writer accepts the rest.
//   - If the same record is exported again (the same ID and content; the observed time
//     may differ), only the missing part of its line is written. This applies to the
//     records of the last failed export and to about a thousand before it.
//
// The exporter trusts the number of bytes that Write returns. If the writer panics or
// returns an impossible number, the exporter cannot know what was written. The next
// write then starts with a line feed, so that an incomplete line cannot corrupt the next
// record, and a record that is exported again is written again, under the same ID.
package stdout
