package config

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// scalar is a value that is written as a YAML scalar. The zero value means that it is not
// set.
type scalar interface {
	// set parses the text. The fault does not contain the text.
	set(text string) *fault
	// tags returns the YAML types that the value accepts.
	tags() []string
}

// fault describes an invalid value.
type fault struct{ message, suggestion string }

// The YAML types of scalars.
const (
	tagText  = "!!str"
	tagInt   = "!!int"
	tagFloat = "!!float"
	tagBool  = "!!bool"
)

// text is a text that is not empty.
type text string

func (*text) tags() []string { return []string{tagText} }

func (t *text) set(s string) *fault {
	if s == "" {
		return &fault{message: "it is empty"}
	}
	*t = text(s)
	return nil
}

// loose is a text that may be written as a number or a bool.
type loose string

func (*loose) tags() []string { return []string{tagText, tagInt, tagFloat, tagBool} }

func (l *loose) set(s string) *fault { return (*text)(l).set(s) }

// secret is a text that is never shown. It is a function, so that printing a model cannot
// print it.
type secret func() string

func (*secret) tags() []string { return []string{tagText, tagInt, tagFloat, tagBool} }

func (t *secret) set(s string) *fault {
	if s == "" {
		return &fault{message: "it is empty"}
	}
	*t = func() string { return s }
	return nil
}

// reveal returns the secret, or "" if it is not set.
func (t secret) reveal() string {
	if t == nil {
		return ""
	}
	return t()
}

// flag is a bool that may be unset.
type flag uint8

const (
	flagUnset flag = iota
	flagFalse
	flagTrue
)

func (*flag) tags() []string { return []string{tagBool} }

func (f *flag) set(s string) *fault {
	switch s {
	case "true":
		*f = flagTrue
	case "false":
		*f = flagFalse
	default:
		return &fault{message: "it must be true or false", suggestion: nearest(s, []string{"true", "false"})}
	}
	return nil
}

// count is a positive number.
type count int

func (*count) tags() []string { return []string{tagInt} }

func (c *count) set(s string) *fault {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || s[0] == '0' { // reject octal numbers
		return &fault{message: "it must be a positive number without a unit"}
	}
	*c = count(n)
	return nil
}

// size is a positive number of bytes.
type size int64

func (*size) tags() []string { return []string{tagInt, tagText} }

var sizeUnits = []string{"B", "KiB", "MiB", "GiB", "TiB"}

func (z *size) set(s string) *fault {
	digits := strings.TrimRightFunc(s, unicode.IsLetter)
	unit := s[len(digits):]
	power := max(0, slices.Index(sizeUnits, unit))
	n, err := strconv.ParseUint(strings.TrimSuffix(digits, " "), 10, 63)
	switch {
	case err == nil && unit != "" && !slices.Contains(sizeUnits, unit):
		return &fault{message: "the unit must be one of " + strings.Join(sizeUnits, ", "), suggestion: nearest(unit, sizeUnits)}
	case err != nil || s[0] == '0' || n > math.MaxInt64>>(10*power):
		return &fault{message: "it must be a positive number of bytes, such as 1048576, 64KiB or 10GiB"}
	}
	*z = size(n << (10 * power))
	return nil
}

// duration is a positive duration.
type duration time.Duration

func (*duration) tags() []string { return []string{tagText} }

func (d *duration) set(s string) *fault {
	t, ok := parseDuration(s)
	if !ok || t <= 0 {
		return &fault{message: "it must be a positive duration, such as 500ms, 10s, 1h30m or 30d"}
	}
	*d = duration(t)
	return nil
}

// parseDuration is like time.ParseDuration, but accepts days, which must come first.
func parseDuration(s string) (time.Duration, bool) {
	const day = 24 * time.Hour
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "0", s
	}
	n, err := strconv.ParseUint(days, 10, 31)
	if err != nil || n > uint64(math.MaxInt64/day) || strings.ContainsAny(rest, "+-") || rest == "" && !found {
		return 0, false
	}
	t := time.Duration(n) * day
	if rest == "" {
		return t, true
	}
	more, err := time.ParseDuration(rest)
	if err != nil || t+more < t {
		return 0, false
	}
	return t + more, true
}

// oneOf sets a word that must be one of the known ones.
func oneOf[T ~string](word *T, s string, known ...string) *fault {
	if !slices.Contains(known, s) {
		return &fault{message: "it must be one of " + strings.Join(known, ", "), suggestion: nearest(s, known)}
	}
	*word = T(s)
	return nil
}
