package env

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/env/strength"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Diff is the difference between two files. Names are sorted.
type Diff struct {
	File1   string            `json:"file1"`
	File2   string            `json:"file2"`
	Missing []string          `json:"missing_in_target"` // only in the first file
	Added   []string          `json:"added_in_target"`   // only in the second file
	Changed map[string]Change `json:"changed_values"`
}

// Change is a variable with different values in the two files. A value is nil if the variable has no
// =, which differs from an empty value.
type Change struct {
	Old           *string `json:"old"`
	New           *string `json:"new"`
	SecretDiffers bool    `json:"secret_differs,omitzero"` // in a part that is masked
}

// Compare returns the difference from a to b. Unless unmasked, it masks the values of variables that
// may be secret, values that contain one of these, and passwords in URLs.
func Compare(a, b *File, unmasked bool) Diff {
	d := Diff{File1: a.path, File2: b.path, Missing: []string{}, Added: []string{}, Changed: map[string]Change{}}
	mask := func(e dotenv.Entry) *string {
		switch redacted := logging.Redact(e.Value); {
		case !e.HasValue:
			return nil
		case unmasked, e.Value == "":
			return &e.Value
		case hides(e.Key, redacted), !safeName.MatchString(e.Key), a.containsSecret(redacted), b.containsSecret(redacted):
			return new("***") // always the same, so that it does not reveal the length
		default:
			return &redacted
		}
	}
	change := func(old, now dotenv.Entry) Change {
		c := Change{Old: mask(old), New: mask(now)}
		if c.Old != nil && c.New != nil && (*c.Old != old.Value || *c.New != now.Value) {
			oldSecret, whole := strength.Of(old.Value)
			newSecret, _ := strength.Of(now.Value)
			c.SecretDiffers = *c.Old == *c.New || !whole && oldSecret != newSecret
		}
		return c
	}
	for e := range a.effective {
		if _, ok := b.last[e.Key]; !ok {
			d.Missing = append(d.Missing, e.Key)
		} else if now := b.entry(e.Key); now.Value != e.Value || now.HasValue != e.HasValue {
			d.Changed[e.Key] = change(e, now)
		}
	}
	for e := range b.effective {
		if _, ok := a.last[e.Key]; !ok {
			d.Added = append(d.Added, e.Key)
		}
	}
	slices.Sort(d.Missing)
	slices.Sort(d.Added)
	return d
}

// Empty reports whether the files have the same variables and values.
func (d Diff) Empty() bool { return len(d.Missing)+len(d.Added)+len(d.Changed) == 0 }

// String returns a line for each variable: "- NAME" if it is missing, "+ NAME" if it is added, "~
// NAME: old -> new" if it has changed. Values are quoted, with control characters escaped.
func (d Diff) String() string {
	if d.Empty() {
		return "no differences\n"
	}
	var b strings.Builder
	for _, name := range d.Missing {
		fmt.Fprintf(&b, "- %s\n", name)
	}
	for _, name := range d.Added {
		fmt.Fprintf(&b, "+ %s\n", name)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Changed)) {
		c := d.Changed[name]
		fmt.Fprintf(&b, "~ %s: %s -> %s", name, quote(c.Old), quote(c.New))
		if c.SecretDiffers {
			b.WriteString(" (the secret differs)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func quote(value *string) string {
	if value == nil {
		return "no value"
	}
	return strconv.Quote(*value)
}
