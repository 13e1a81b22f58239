// Package stdout writes records to standard output, or to any io.Writer: as
// lines of JSON for programs, or as text for people.
//
//	exporter, err := stdout.New()                  // JSON lines to os.Stdout
//	exporter, err := stdout.New(stdout.WithText()) // text to os.Stdout
//
// # JSON lines
//
// Each record is one line: its canonical JSON, as record.Record.AppendJSON makes it,
// and a line feed. The lines of a batch are handed over in one Write, so that what
// else the program writes does not come between them.
//
// # Text
//
// Text is for a person at a terminal, and may change between versions. It shows the
// time in UTC, the outcome, the action, the actor and the target on one line, and
// below it, indented, the tenant, the channel, the address, the reason, the
// changes, and what was overridden, redacted or marked:
//
//	2026-11-23T07:26:02.123Z  success  article.update        user 42 (Alice) via jwt, for user 7 → article/1001 "Hello"
//	    tenant acme, channel api, from 10.0.0.1
//	    reason: editorial approval
//	    ~ title: "Old" → "New"
//	    ~ body: ***REDACTED***
//	    + subtitle: "Now with text"
//	    overridden: client.address "203.0.113.7"
//
// A change starts with + where a value came, - where one went, and ~ where one took
// another's place. A record that a data layer noticed ends its first line with
// [signal]. Ids, tracing and other metadata are not shown: JSON has everything.
//
// What a record says cannot forge a line or command the terminal: texts are shown
// as they are only where they can do no harm, and as quoted Go strings, with line
// feeds, escapes, bidirectional controls and all else that does not print written
// as \n, \x1b or \u202e, everywhere else.
//
// # Failures
//
// A write that fails or is short is an error, and leaves no line torn or double:
//
//   - The records whose lines the writer took whole are delivered, as long as it can
//     be flushed. All others are in the *export.PartialError; none is delivered where
//     the error is another.
//   - The line of which the writer took only a part is finished before anything else
//     is written, whichever record comes next. Its error matches
//     audit.ErrMaybeStored: the line will be there as soon as the writer takes it.
//   - When the same record is exported again (the same ID and content, whenever it was
//     observed), only what is missing of its line is written. This holds for the
//     records of the last failed export and for about a thousand before.
//
// The writer's count of bytes is believed. If the writer panics or reports an
// impossible count, it is not known what it took: then the next write starts with a
// line feed, so that a torn line cannot spoil the record behind it, and a record
// that is exported again is written again, under the same ID.
package stdout
