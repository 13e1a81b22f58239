package archive_test

import (
	"testing"

	"github.com/opendeed/audit/archive"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseLocation(t *testing.T) {
	for text, want := range map[string]archive.Location{
		"/backup/audit":   {Dir: "/backup/audit"},
		`C:\backup`:       {Dir: `C:\backup`},
		"s3://audit":      {Bucket: "audit"},
		"s3://audit/":     {Bucket: "audit"},
		"s3://audit/a/b/": {Bucket: "audit", Prefix: "a/b"},
		"s3://audit/shop?endpoint=https://s3.example.com:9000&region=eu-1": {
			Bucket: "audit", Prefix: "shop", Endpoint: "https://s3.example.com:9000", Region: "eu-1", PathStyle: true,
		},
		"s3://audit?endpoint=https://oss.example.com&path_style=false": {Bucket: "audit", Endpoint: "https://oss.example.com"},
		"s3://audit?path_style=true":                                   {Bucket: "audit", PathStyle: true},
	} {
		l, err := archive.ParseLocation(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, l, text)
	}
	l, err := archive.ParseLocation("s3://audit/shop?endpoint=https://s3.example.com")
	require.NoError(t, err)
	assert.Equal(t, "s3://audit/shop", l.String())
}

// TestBadLocation: an error does not show what may be a secret.
func TestBadLocation(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "archives are in a directory, or at a URL",
		"gs://hunter2/x":                     "archives are in a directory, or at a URL",
		"s3://":                              "the URL of a bucket is",
		"s3:///hunter2":                      "the URL of a bucket is",
		"s3://key:hunter2@audit":             "the URL of a bucket has no credentials",
		"s3://audit:hunter2":                 "the URL of a bucket is",
		"s3://audit/hunter2 X":               "the URL of a bucket is",
		"s3://audit?secret=hunter2":          "the URL of a bucket is",
		"s3://audit?region=":                 "the URL of a bucket is",
		"s3://audit?region=a&region=hunter2": "the URL of a bucket is",
		"s3://audit?path_style=hunter2":      "the URL of a bucket is",
		"s3://audit?endpoint=hunter2":        "endpoint is not the URL of a service",
		"s3://audit?endpoint=ftp://hunter2":  "endpoint is not the URL of a service",
		"s3://audit?endpoint=https://key:hunter2@a.com": "the URL of a bucket has no credentials",
		"s3://audit?endpoint=https://a.com?x=hunter2":   "endpoint is not the URL of a service",
	} {
		_, err := archive.ParseLocation(text)
		require.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}
