package config

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]time.Duration{
		"10s": 10 * time.Second, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "1.5s": 1500 * time.Millisecond,
		"0d1ns": 1, "5µs": 5 * time.Microsecond,
		"": 0, "10": 0, "0s": 0, "-1s": 0, "+1s": 0, "1d-1h": 0, "d": 0, "1.5d": 0, "1h1d": 0, "1d x": 0, "1w": 0,
		"106752d": 0, "106751d": 106751 * 24 * time.Hour, "106751d24h": 0, "99999999999999999999d": 0,
	} {
		var d duration
		fault := d.set(s)
		assert.Equal(t, want == 0, fault != nil, s)
		assert.Equal(t, want, time.Duration(d), s)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int64{
		"1": 1, "1048576": 1 << 20, "64KiB": 64 << 10, "10 GiB": 10 << 30, "5B": 5, "2TiB": 2 << 40, "9223372036854775807": math.MaxInt64,
		"8388607TiB": 8388607 << 40,
		"":           0, "0": 0, "-1": 0, "+1": 0, "010": 0, "1_000": 0, "KiB": 0, "64KB": 0, "64kib": 0, "1.5GiB": 0, "8388608TiB": 0, "9223372036854775808": 0,
	} {
		var z size
		fault := z.set(s)
		assert.Equal(t, want == 0, fault != nil, s)
		assert.Equal(t, want, int64(z), s)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"endpoint", "exporters", "uri", "retention"}
	for name, want := range map[string]string{
		"endpont": "endpoint", "endpiont": "endpoint", "Exporters": "exporters", "exporter": "exporters", "url": "uri", "retentoin": "retention",
		"": "", "x": "", "xyz": "", "something": "",
	} {
		assert.Equal(t, want, nearest(name, known), name)
	}
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "ab", 2},
		{"ab", "", 2},
		{"kitten", "sitting", 3},
		{"ab", "ba", 1},
		{"abcd", "acbd", 1},
		{"same", "same", 0},
	} {
		assert.Equal(t, tt.want, distance(tt.a, tt.b), "%s %s", tt.a, tt.b)
	}
}

// tryOptions ignores the environment.
func TestTryOptions(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "nonsense")
	require.NoError(t, tryOptions())
}
