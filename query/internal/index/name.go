package index

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Name is the name of the sidecar that covers a closed segment. While a segment grows, it has
// pieces: sidecars that cover its entries one after the other.
const Name = "index"

// PieceName returns the name of a piece, of which the first has the number 1.
func PieceName(number int) string { return Name + "-" + strconv.Itoa(number) }

// Pieces returns the numbers of the pieces among the names of sidecars, in order.
func Pieces(names []string) (numbers []int) {
	for _, name := range names {
		text, ok := strings.CutPrefix(name, Name+"-")
		if number, err := strconv.Atoi(text); ok && err == nil && PieceName(number) == name {
			numbers = append(numbers, number)
		}
	}
	slices.SortFunc(numbers, cmp.Compare)
	return numbers
}
