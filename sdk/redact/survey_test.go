package redact

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzSurvey checks that the survey leaves out no detector that would find something.
func FuzzSurvey(f *testing.F) {
	d, err := New()
	require.NoError(f, err)
	for _, name := range []string{"secrets.jsonl", "lookalikes.jsonl"} {
		file, err := os.Open("testdata/" + name)
		require.NoError(f, err)
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var specimen struct{ Value []string }
			require.NoError(f, json.Unmarshal(lines.Bytes(), &specimen))
			f.Add(strings.Join(specimen.Value, ""))
		}
		require.NoError(f, file.Close())
	}
	for _, text := range []string{"078-05-1120", "pin|a8f3k2x9", `pin\x3d12345678`, "-p hunter2hunter2", "mysql -pa8f3k2", "token[a8f3k2x9]", "GB82WEST12345698765432"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, numbers := range []bool{false, true} {
			all := uint8(seekAll &^ seekViews)
			if !numbers {
				all &^= seekNumbers
			}
			seek := survey(text, numbers)
			if seek&seekViews != 0 {
				all |= seekViews
			}
			if len(text) >= minSecretText {
				assert.Equal(t, d.findSecrets(text, all), d.findSecrets(text, seek), "%q", text)
			}
		}
	})
}

// TestLoud checks the bits of every byte that the survey must look at, at every place.
func TestLoud(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		if t := traits[c]; t == 0 || t == tokenTrait {
			continue
		}
		for at := range 8 {
			for _, other := range []byte("-.09AZ_az") {
				x := uint64(0)
				for i := range 8 {
					b := other
					if i == at {
						b = byte(c)
					}
					x |= uint64(b) << (8 * i)
				}
				assert.NotZero(t, loud(x)>>(8*at)&0x80, "%q at %d among %q", c, at, other)
			}
		}
	}
	for c := range byte(0x80) {
		want := uint64(0)
		if digits.has(c) {
			want = lowBits
		}
		if c >= ' ' {
			assert.Equal(t, want, digitLanes(uint64(c)*lowBits), "%q", c)
		}
	}
}

// TestIsUUID puts every byte at every place of a UUID.
func TestIsUUID(t *testing.T) {
	t.Parallel()
	const uuid = "0199c1f2-aAbB-7bfF-8ccc-00009999dDeE"
	require.True(t, isUUID(uuid))
	require.False(t, isUUID(uuid[1:]))
	for at := range len(uuid) {
		for c := range 256 {
			want := hexDigits.has(byte(c))
			if uuid[at] == '-' {
				want = c == '-'
			}
			require.Equal(t, want, isUUID(uuid[:at]+string([]byte{byte(c)})+uuid[at+1:]), "%q at %d", c, at)
		}
	}
}
