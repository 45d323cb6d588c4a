package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/env/spelling"
)

// Suggestion is a variable that is set but that no field names, with the variable that may be meant.
type Suggestion struct {
	Variable   string
	Source     string // [SourceEnvironment], or a line of the dotenv file
	DidYouMean string
}

// suggestions returns what may be misspelt for any of the types that the store holds.
func (s *Store) suggestions() []Suggestion {
	var all Error
	for _, one := range *s.snapshots.Load() {
		all.add(&Error{Suggestions: one.provenance.suggestions})
	}
	return all.Suggestions
}

// maxUnknown bounds how many unknown variables are compared with the known ones.
const maxUnknown = 1000

// suggestions returns the variables of the process environment and of the dotenv file that begin like one of the plan's, up to
// the first underscore, and are close to one of them.
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
		if seen[name] || !ok || !prefixes[prefix] || p.knows(name) || len(seen) > maxUnknown {
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
func (p *plan) nearest(name string) string {
	return spelling.Nearest(name, func(yield func(string) bool) {
		for _, f := range p.fields {
			if !yield(f.name) || f.inFile() && !yield(f.name+fileSuffix) {
				return
			}
		}
	})
}
