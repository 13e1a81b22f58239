package delivery

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// cleanError is an error of the application or of an exporter with another text. It matches
// what that error matches, but does not unwrap to it, so that nobody prints its text.
type cleanError struct {
	text    string
	err     error
	partial *export.PartialError // with clean reasons, or nil
}

func (e *cleanError) Error() string { return e.text }

// Is reports whether the error that was replaced matches target.
func (e *cleanError) Is(target error) bool { return errors.Is(e.err, target) }

// As finds target in the error that was replaced.
func (e *cleanError) As(target any) bool {
	if partial, ok := target.(**export.PartialError); ok && e.partial != nil {
		*partial = e.partial
		return true
	}
	return errors.As(e.err, target)
}

// CleanError returns err with its text redacted. It returns err itself if the text has
// nothing to redact.
func CleanError(err error, redact func(string) string) error {
	if text, changed := cleanText(err, redact); changed {
		return &cleanError{text: text, err: err}
	}
	return err
}

// cleanText returns the text of err, redacted, and whether that changed it.
func cleanText(err error, redact func(string) string) (clean string, changed bool) {
	text, ok := textOf(err)
	switch {
	case !ok:
		return fmt.Sprintf("a %T, whose Error method panicked", err), true
	case len(text) > maxErrorText:
		return fmt.Sprintf("a %T, whose text has %d bytes", err, len(text)), true
	}
	clean = redact(text)
	return clean, clean != text
}

// textOf returns the text of err. ok is false if its Error method panicked.
func textOf(err error) (text string, ok bool) {
	defer func() {
		if !ok {
			_ = recover()
		}
	}()
	return err.Error(), true
}

// maxErrorText is the length of the longest text of an error that is shown, in bytes.
const maxErrorText = 64 << 10

// clean returns an exporter's error without secrets and without the values of the records
// that it is about: drivers quote them.
func (s *sink) clean(err error, records []*record.Record) error {
	if err == nil {
		return nil
	}
	redact := func(text string) string { return HideValues(s.redact(text), records) }
	partial, ok := errors.AsType[*export.PartialError](err)
	if !ok {
		return CleanError(err, redact)
	}
	changed := false
	clean := &export.PartialError{Rejected: make(map[int]error, len(partial.Rejected))}
	for i, reason := range partial.Rejected {
		clean.Rejected[i] = reason
		if reason != nil {
			text, ch := cleanText(reason, redact)
			if ch {
				clean.Rejected[i] = &cleanError{text: text, err: reason}
			}
			changed = changed || ch
		}
	}
	text, ch := cleanText(err, redact)
	if !changed && !ch {
		return err
	}
	return &cleanError{text: text, err: err, partial: clean}
}

// minHidden is the length of the shortest value that HideValues finds: shorter ones are also
// words of the error itself.
const minHidden = 8

// HideValues masks the values of the records in a text of somebody else's.
func HideValues(text string, records []*record.Record) string {
	var found []string
	for _, r := range records {
		eachValue(r, func(value string) {
			if len(value) < minHidden {
				return
			}
			quoted := strconv.Quote(value)
			for _, form := range []string{value, quoted[1 : len(quoted)-1]} {
				if strings.Contains(text, form) {
					found = append(found, form)
				}
			}
		})
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) }) // a value may contain another
	for _, value := range slices.Compact(found) {
		text = strings.ReplaceAll(text, value, record.RedactedText)
	}
	return text
}

// eachValue calls f for the texts of a record that somebody passed in, except names such as
// those of the action and of fields.
func eachValue(r *record.Record, f func(string)) {
	for a := &r.Actor; a != nil; a = a.OnBehalfOf {
		f(a.ID)
		f(a.Name)
		f(a.SessionID)
	}
	for _, t := range append(slices.Clip(r.Covers), r.Target) {
		f(t.ID)
		f(t.Name)
	}
	for _, text := range append(slices.Clip(r.Bulk.Sample), r.Reason, r.Failure, r.Bulk.Selector, r.Tenant) {
		f(text)
	}
	for _, c := range r.Changes {
		eachText(c.Old, f)
		eachText(c.New, f)
	}
	for _, kvs := range [][]attribute.KeyValue{r.Metadata, r.Overridden} {
		for _, kv := range kvs {
			eachText(kv.Value, f)
		}
	}
}

// eachText calls f for the texts within a value.
func eachText(v attribute.Value, f func(string)) {
	switch v.Type() {
	case attribute.SLICE:
		for _, element := range v.AsSlice() {
			eachText(element, f)
		}
	case attribute.MAP:
		for _, kv := range v.AsMap() {
			eachText(kv.Value, f)
		}
	case attribute.STRINGSLICE:
		for _, text := range v.AsStringSlice() {
			f(text)
		}
	case attribute.EMPTY, attribute.BOOL:
	default:
		f(v.String())
	}
}
