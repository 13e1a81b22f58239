package canonical

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// maxPlainInt is the greatest integer that a double distinguishes from its neighbors.
const maxPlainInt = 1<<53 - 1

func isPlainInt(i int64) bool { return -maxPlainInt <= i && i <= maxPlainInt }

// isPlainFloat reports whether f is written with a point or an exponent, which
// distinguishes it from an integer.
func isPlainFloat(f float64) bool {
	abs := math.Abs(f)
	return abs < 1e21 && abs != math.Trunc(abs) || 1e21 <= abs && abs <= math.MaxFloat64
}

// appendInt appends an integer, plainly or marked.
func appendInt(b []byte, i int64) []byte {
	if isPlainInt(i) {
		return strconv.AppendInt(b, i, 10)
	}
	return appendMark(b, MarkerInt, strconv.FormatInt(i, 10))
}

// appendFloat appends a float, plainly or marked.
func appendFloat(b []byte, f float64) []byte {
	if isPlainFloat(f) {
		return appendFinite(b, f)
	}
	var room [32]byte
	return appendMark(b, MarkerFloat, string(appendMarkedFloat(room[:0], f)))
}

// appendFinite appends a finite float in the form of ECMAScript, which RFC 8785
// requires.
func appendFinite(b []byte, f float64) []byte {
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

// appendMarkedFloat appends the text after MarkerFloat, for a float that is not plain.
func appendMarkedFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	return appendFinite(b, f)
}

const (
	badNumber    = "a number must be written as RFC 8785 writes it"
	missingValue = "a value is missing or not JSON"
)

// number reads a plain number, whose form determines its type. It must be the canonical
// form, because 1.0 could be either type.
func (r *Reader) number() attribute.Value {
	start, isFloat := r.pos, false
	for ; r.pos < len(r.text); r.pos++ {
		c := r.text[r.pos]
		if strings.IndexByte(".eE+", c) >= 0 {
			isFloat = true
		} else if c != '-' && (c < '0' || c > '9') {
			break
		}
	}
	token := r.text[start:r.pos]
	var room [32]byte
	if isFloat {
		f, err := strconv.ParseFloat(token, 64)
		if err != nil || !isPlainFloat(f) || string(appendFinite(room[:0], f)) != token {
			r.Fail(start, badNumber)
		}
		return attribute.Float64Value(f)
	}
	i, err := strconv.ParseInt(token, 10, 64)
	switch {
	case token == "":
		r.Fail(start, missingValue)
	case errors.Is(err, strconv.ErrRange), err == nil && !isPlainInt(i):
		r.Fail(start, "an integer beyond 2^53-1 must be written with $i")
	case err != nil, string(strconv.AppendInt(room[:0], i, 10)) != token:
		r.Fail(start, badNumber)
	}
	return attribute.Int64Value(i)
}

// parseMarkedInt parses the text after MarkerInt.
func parseMarkedInt(s string) (i int64, ok bool) {
	i, err := strconv.ParseInt(s, 10, 64)
	return i, err == nil && !isPlainInt(i) && strconv.FormatInt(i, 10) == s
}

// parseMarkedFloat parses the text after MarkerFloat.
func parseMarkedFloat(s string) (f float64, ok bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !isPlainFloat(f) && string(appendMarkedFloat(nil, f)) == s
}
