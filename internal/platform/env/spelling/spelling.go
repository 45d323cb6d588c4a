// Package spelling suggests the correct name for a misspelled one.
//
// # Lifting it out
//
// Copy the directory. It needs the standard library; its tests need testify.
package spelling

import "iter"

// Nearest returns the known name with the fewest edits from name, or "" if none has at most one
// edit per four letters. An edit inserts, deletes or replaces a letter, or swaps two neighbors. If
// several names are equally near, the first counts.
func Nearest(name string, known iter.Seq[string]) (nearest string) {
	limit := len(name)/4 + 1
	for one := range known {
		if d := distance(name, one, limit); d < limit {
			limit, nearest = d, one
		}
	}
	return nearest
}

// distance returns the optimal string alignment distance of a and b, or limit if it is not less.
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
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
