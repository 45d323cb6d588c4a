package config

import (
	"cmp"
	"slices"
	"strings"
)

// Suggestion is a variable that is set but that no field names, with the variable that may be meant.
type Suggestion struct {
	Variable   string
	Source     string // [SourceEnvironment], or a line of the dotenv file
	DidYouMean string
}

// suggestions returns the variables of the process environment and of the dotenv file that begin like one of the plan's, up to
// the first underscore, and differ from one of them in no more than a letter in four.
func (p *plan) suggestions(environ func() []string, file []Suggestion) (found []Suggestion) {
	prefixes := map[string]bool{}
	for _, f := range p.fields {
		if prefix, _, ok := strings.Cut(f.name, "_"); ok {
			prefixes[prefix] = true
		}
	}
	seen := map[string]bool{variableEnvFile: true}
	consider := func(name, source string) {
		prefix, _, ok := strings.Cut(name, "_")
		if seen[name] || !ok || !prefixes[prefix] || p.knows(name) {
			return
		}
		seen[name] = true
		if meant := p.nearest(name); meant != "" {
			found = append(found, Suggestion{name, source, meant})
		}
	}
	if environ != nil {
		for _, entry := range environ() {
			name, _, _ := strings.Cut(entry, "=")
			consider(name, SourceEnvironment)
		}
	}
	for _, one := range file {
		consider(one.Variable, one.Source)
	}
	slices.SortFunc(found, func(a, b Suggestion) int { return cmp.Compare(a.Variable, b.Variable) })
	return found
}

func (p *plan) knows(name string) bool {
	if p.byName[name] != nil {
		return true
	}
	base, isFile := strings.CutSuffix(name, fileSuffix)
	f := p.byName[base]
	return isFile && f != nil && f.inFile()
}

// nearest returns the variable whose name is closest to name, "" where none is close.
func (p *plan) nearest(name string) (meant string) {
	best := len(name)/4 + 1 // what is as far away as this is another name
	for _, f := range p.fields {
		names := []string{f.name}
		if f.inFile() {
			names = append(names, f.name+fileSuffix)
		}
		for _, known := range names {
			if d := distance(name, known, best); d < best {
				best, meant = d, known
			}
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
