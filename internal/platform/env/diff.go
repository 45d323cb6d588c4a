package env

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// masked stands for a secret in a [Diff]. It is the same for all, so that it tells nothing of their lengths.
const masked = "***"

// Diff is how one file differs from another. Names are sorted.
type Diff struct {
	File1   string            `json:"file1"`
	File2   string            `json:"file2"`
	Missing []string          `json:"missing_in_target"` // in the first file only
	Added   []string          `json:"added_in_target"`   // in the second file only
	Changed map[string]Change `json:"changed_values"`
}

// Change is a variable with another value in the second file.
type Change struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// Compare returns how b differs from a. Unless unmasked, the values of sensitive names are not shown, nor those
// that hold them, nor passwords in URLs.
func Compare(a, b *File, unmasked bool) Diff {
	d := Diff{File1: a.Path, File2: b.Path, Missing: []string{}, Added: []string{}, Changed: map[string]Change{}}
	show := func(name, value string) string {
		if unmasked {
			return value
		}
		shown := logging.Redact(value)
		if logging.Sensitive(name) || a.holdsSecret(shown) || b.holdsSecret(shown) {
			return masked
		}
		return shown
	}
	for e := range a.effective {
		other, ok := b.entry(e.Key)
		switch {
		case !ok:
			d.Missing = append(d.Missing, e.Key)
		case other.Value != e.Value:
			d.Changed[e.Key] = Change{show(e.Key, e.Value), show(e.Key, other.Value)}
		}
	}
	for e := range b.effective {
		if _, ok := a.entry(e.Key); !ok {
			d.Added = append(d.Added, e.Key)
		}
	}
	slices.Sort(d.Missing)
	slices.Sort(d.Added)
	return d
}

// Empty reports whether the files say the same.
func (d Diff) Empty() bool { return len(d.Missing)+len(d.Added)+len(d.Changed) == 0 }

// WriteText writes the difference for people: a line for each name, with - for what is missing, + for what is added, and ~ for
// what has changed.
func (d Diff) WriteText(w io.Writer) error {
	var lines []string
	for _, name := range d.Missing {
		lines = append(lines, "- "+name)
	}
	for _, name := range d.Added {
		lines = append(lines, "+ "+name)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Changed)) {
		lines = append(lines, fmt.Sprintf("~ %s: %q -> %q", name, d.Changed[name].Old, d.Changed[name].New))
	}
	if len(lines) == 0 {
		lines = append(lines, "no differences")
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return fmt.Errorf("write the difference: %w", err)
		}
	}
	return nil
}
