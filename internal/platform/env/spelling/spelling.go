// Package spelling finds the name that somebody meant.
//
// # Lifting it out
//
// Copy the folder. It imports nothing but the standard library, and testify for its tests.
package spelling

import "iter"

// Nearest returns the known name that differs least from name, in no more than one letter in four, and "" where none is that
// close. Of several the first counts. A letter that is left out, added, replaced, or swapped with its neighbour is one
// difference. The work is bounded by the product of the lengths of the names.
func Nearest(name string, known iter.Seq[string]) (meant string) {
	best := len(name)/4 + 1 // what is as far away as this is another name
	for one := range known {
		if d := distance(name, one, best); d < best {
			best, meant = d, one
		}
	}
	return meant
}

// distance counts the letters to insert, delete, replace or swap with their neighbour that make a of b (the optimal string
// alignment distance), and gives up at limit.
func distance(a, b string, limit int) int {
	if diff := len(a) - len(b); diff >= limit || -diff >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least >= limit {
			return limit
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
