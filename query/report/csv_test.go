package report_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/opendeed/audit/query/report"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAppendCell keeps formulas out of spreadsheets, and every text readable.
func TestAppendCell(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"plain":                   "plain",
		`=HYPERLINK("http://x")`:  `'=HYPERLINK("http://x")`,
		"+1":                      "'+1",
		"-1":                      "'-1",
		"@SUM(A1)":                "'@SUM(A1)",
		"\t=1":                    "'\t=1",
		"\r=1":                    "'\r=1",
		"\n":                      "'\n",
		"  =1":                    "'  =1",
		"＝1":                      "'＝1",
		"'quoted'":                "''quoted'",
		"a=b":                     "a=b",
		" leading":                " leading",
		"a,\"b\"\nc":              "a,\"b\"\nc",
		"|cmd' /C calc'!A0":       "'|cmd' /C calc'!A0",
		"%appdata%":               "'%appdata%",
		"\ufeff=1":                "'\ufeff=1",
		"2026-11-20T10:00:00.00Z": "2026-11-20T10:00:00.00Z",
	} {
		line := report.AppendCell(nil, text)
		cells, err := csv.NewReader(strings.NewReader(string(line) + ",x\r\n")).Read()
		require.NoError(t, err, "%q", text)
		assert.Equal(t, strings.ReplaceAll(want, "\r\n", "\n"), cells[0], "%q", text)
	}
}
