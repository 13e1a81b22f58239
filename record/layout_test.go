package record_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRecordJSONLayout reads texts with a layout that is not canonical.
func TestRecordJSONLayout(t *testing.T) {
	t.Parallel()
	for name, want := range golden() {
		canonical := []byte(goldenText(t, name))
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, canonical, " ", "\t"))
		layouts := map[string][]byte{
			"space":    append(append([]byte("\r\n\t "), canonical...), " \t\r\n"...),
			"indented": indented.Bytes(),
			"reversed": reversed(t, canonical),
			"escaped":  escaped(canonical),
		}
		for layout, text := range layouts {
			t.Run(name+" "+layout, func(t *testing.T) {
				t.Parallel()
				require.NotEqual(t, string(canonical), string(text))
				var r record.Record
				require.NoError(t, r.UnmarshalJSON(text))
				assertSame(t, want, &r)
				encoded, err := r.AppendJSON(nil)
				require.NoError(t, err)
				assert.Equal(t, string(canonical), string(encoded))
			})
		}
	}
}

// reversed returns the text with the members of all objects in reverse order.
func reversed(t *testing.T, text []byte) []byte {
	t.Helper()
	switch text[0] {
	case '{':
		d := json.NewDecoder(bytes.NewReader(text))
		_, err := d.Token()
		require.NoError(t, err)
		var out []byte
		for d.More() {
			var value json.RawMessage
			name, err := d.Token()
			require.NoError(t, err)
			require.NoError(t, d.Decode(&value))
			quoted, err := json.Marshal(name)
			require.NoError(t, err)
			out = fmt.Appendf(nil, "%s:%s,%s", quoted, reversed(t, value), out)
		}
		return append(append([]byte("{"), bytes.TrimSuffix(out, []byte(","))...), '}')
	case '[':
		var values []json.RawMessage
		require.NoError(t, json.Unmarshal(text, &values))
		for i := range values {
			values[i] = reversed(t, values[i])
		}
		out, err := json.Marshal(values)
		require.NoError(t, err)
		return out
	}
	return text
}

// escaped returns the text with every character of its strings escaped, with uppercase
// hexadecimal digits.
func escaped(text []byte) []byte {
	var out []byte
	inside, skip := false, 0
	for _, r := range string(text) {
		switch {
		case skip > 0:
			skip--
			out = append(out, string(r)...)
			if skip == 0 && r == 'u' {
				skip = 4
			}
		case r == '"':
			inside = !inside
			out = append(out, '"')
		case inside && r == '\\':
			skip = 1
			out = append(out, '\\')
		case inside && r > 0xffff:
			out = fmt.Appendf(out, `\u%04X\u%04X`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		case inside && r == '/':
			out = append(out, `\/`...)
		case inside:
			out = fmt.Appendf(out, `\u%04X`, r)
		default:
			out = append(out, string(r)...)
		}
	}
	return out
}
