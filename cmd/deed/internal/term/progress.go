package term

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Progress shows on a terminal how far something is: one line that is written again and
// again. A nil Progress shows nothing.
type Progress struct {
	w       io.Writer
	width   int
	what    string
	started time.Time
	shown   time.Time
	done    int64
}

// ProgressInterval is how often the line changes.
const ProgressInterval = 200 * time.Millisecond

// NewProgress returns a Progress on w, of things such as records; of bytes if what is empty.
func NewProgress(w io.Writer, what string) *Progress {
	return &Progress{w: w, width: Columns(w), what: what, started: time.Now()}
}

// Update says that so many are done, and which part of all that is, from 0 to 1, or a
// negative number if that is not known.
func (p *Progress) Update(done int64, part float64) {
	if p == nil || time.Since(p.shown) < ProgressInterval {
		return
	}
	p.shown, p.done = time.Now(), done
	elapsed := time.Since(p.started)
	rate := int64(float64(done) / max(elapsed.Seconds(), 1e-3))
	line := Bytes(done) + "  " + Bytes(rate) + "/s"
	if p.what != "" {
		line = Count(done) + " " + p.what + "  " + Count(rate) + "/s"
	}
	if part > 0 && part <= 1 && elapsed > time.Second {
		left := time.Duration(float64(elapsed) * (1 - part) / part).Round(time.Second)
		line = fmt.Sprintf("%3.0f%%  %s  %s left", part*100, line, left)
	}
	_, _ = io.WriteString(p.w, "\r\x1b[K"+Fit(line, p.width-1)) // the next one tries again
}

// Clear removes the line.
func (p *Progress) Clear() {
	if p != nil && !p.shown.IsZero() {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
	}
}

// Count returns a number with commas.
func Count(n int64) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Bytes returns a size for people.
func Bytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n), -1
	for size >= 1<<10 && unit < 4 {
		size /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGTP"[unit])
}
