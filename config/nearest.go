package config

import "strings"

// nearest returns the known name that name is probably a misspelling of, or "".
func nearest(name string, known []string) string {
	return nearestWithin(min(len(name)/3+1, 3), name, known)
}

// nearestWithin returns the nearest known name within a distance, or "".
func nearestWithin(limit int, name string, known []string) string {
	best := ""
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d <= limit && d < len(k) {
			best, limit = k, d-1
		}
	}
	return best
}

// distance returns the number of letters to insert, delete, replace or swap with a neighbor
// to get from a to b.
func distance(a, b string) int {
	before, row, next := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, make([]int, len(b)+1)
	}
	return row[len(b)]
}
