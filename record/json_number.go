package record

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// maxPlainInt is the greatest integer that readers which know only doubles can
// tell from its neighbours.
const maxPlainInt = 1<<53 - 1

func isPlainInt(i int64) bool { return -maxPlainInt <= i && i <= maxPlainInt }

// isPlainFloat reports whether f is written so that it shows to be no integer:
// with a point or an exponent.
func isPlainFloat(f float64) bool {
	abs := math.Abs(f)
	return abs < 1e21 && abs != math.Trunc(abs) || 1e21 <= abs && abs <= math.MaxFloat64
}

// appendFloat appends a finite f as ECMAScript, and with it RFC 8785, writes it.
func appendFloat(b []byte, f float64) []byte {
	if abs := math.Abs(f); abs == 0 || 1e-6 <= abs && abs < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	if n := len(b); b[n-4] == 'e' && b[n-2] == '0' { // Go writes e-07
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}

// appendOddFloat appends what stands in a $f marker: the floats that are not
// plain.
func appendOddFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	return appendFloat(b, f)
}

const (
	badNumber    = "a number must be written as RFC 8785 writes it"
	missingValue = "a value is missing or not JSON"
)

// number reads a plain number, whose writing tells its type. It must be the
// canonical one: 1.0 could be meant as either.
func (p *jsonReader) number() attribute.Value {
	start, isFloat := p.pos, false
	for ; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		if strings.IndexByte(".eE+", c) >= 0 {
			isFloat = true
		} else if c != '-' && (c < '0' || c > '9') {
			break
		}
	}
	token := p.text[start:p.pos]
	var room [32]byte
	if isFloat {
		f, err := strconv.ParseFloat(token, 64)
		if err != nil || !isPlainFloat(f) || string(appendFloat(room[:0], f)) != token {
			p.fail(start, badNumber)
		}
		return attribute.Float64Value(f)
	}
	i, err := strconv.ParseInt(token, 10, 64)
	switch {
	case token == "":
		p.fail(start, missingValue)
	case errors.Is(err, strconv.ErrRange), err == nil && !isPlainInt(i):
		p.fail(start, "an integer beyond 2^53-1 must be written with $i")
	case err != nil, string(strconv.AppendInt(room[:0], i, 10)) != token:
		p.fail(start, badNumber)
	}
	return attribute.Int64Value(i)
}

// parseOddInt reads what stands in a $i marker.
func parseOddInt(s string) (i int64, ok bool) {
	i, err := strconv.ParseInt(s, 10, 64)
	return i, err == nil && !isPlainInt(i) && strconv.FormatInt(i, 10) == s
}

// parseOddFloat reads what stands in a $f marker.
func parseOddFloat(s string) (f float64, ok bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !isPlainFloat(f) && string(appendOddFloat(nil, f)) == s
}
