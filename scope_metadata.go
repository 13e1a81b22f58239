package audit

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// MaxClientText is how many bytes of a text from a client are kept.
const MaxClientText = 512

// mergeScopeMetadata returns old with added put in, sorted by key, and
// overridden with the values that were replaced by different ones. The first
// value of a key stays in overridden however often it is replaced. None of the
// arguments is changed: records and inner scopes share them.
func mergeScopeMetadata(old, overridden, added []attribute.KeyValue) (merged, replaced []attribute.KeyValue) {
	if len(old) == 0 && ascending(added) {
		return slices.Clip(added), overridden // made for these options alone
	}
	merged = make([]attribute.KeyValue, len(old), len(old)+len(added))
	copy(merged, old)
	replaced = overridden
	for _, kv := range added {
		at, found := findKey(merged, kv.Key)
		if !found {
			merged = slices.Insert(merged, at, kv)
			continue
		}
		if merged[at].Value == kv.Value {
			continue
		}
		if to, there := findKey(replaced, kv.Key); !there {
			replaced = slices.Insert(slices.Clip(replaced), to, merged[at])
		}
		merged[at] = kv
	}
	return merged, replaced
}

// findKey looks key up in kvs, which are sorted.
func findKey(kvs []attribute.KeyValue, key attribute.Key) (int, bool) {
	return slices.BinarySearchFunc(kvs, key, func(kv attribute.KeyValue, key attribute.Key) int {
		return cmp.Compare(kv.Key, key)
	})
}

// cleanClientValue makes text from a client fit for a record and reports whether
// it had to be changed.
func cleanClientValue(v attribute.Value) (attribute.Value, bool) {
	switch v.Type() {
	case attribute.STRING:
		text := v.AsString()
		if clean := CleanClientText(text); clean != text {
			return attribute.StringValue(clean), true
		}
	case attribute.STRINGSLICE:
		texts := v.AsStringSlice()
		changed := false
		for i, text := range texts {
			texts[i] = CleanClientText(text)
			changed = changed || texts[i] != text
		}
		if changed {
			return attribute.StringSliceValue(texts), true
		}
	}
	return v, false
}

// CleanClientText cuts s to MaxClientText bytes, at a character's end, and
// replaces what is not valid UTF-8 or a control character by U+FFFD. It is for
// integrations that take text from a client.
func CleanClientText(s string) string {
	if len(s) <= MaxClientText && isPlain(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // an invalid byte comes as U+FFFD
		if isControl(r) {
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > MaxClientText {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isPlain reports whether s is valid UTF-8 without control characters.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return utf8.ValidString(s) && strings.IndexFunc(s, isControl) < 0
		}
	}
	return true
}

func isControl(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }

// ascending reports whether kvs are sorted, each key once.
func ascending(kvs []attribute.KeyValue) bool {
	for i := 1; i < len(kvs); i++ {
		if kvs[i-1].Key >= kvs[i].Key {
			return false
		}
	}
	return true
}
