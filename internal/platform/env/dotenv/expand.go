package dotenv

import "strings"

// expand replaces the references in the values. A reference sees the entries above it only, so there are no cycles.
func expand(entries []Entry, outer func(string) (string, bool)) {
	above := make(map[string]string, len(entries))
	lookup := func(name string) string {
		if value, ok := outer(name); ok {
			return value
		}
		return above[name]
	}
	for i := range entries {
		e := &entries[i]
		if e.Quote != '\'' {
			e.Value = replace(e.Value, lookup)
		}
		above[e.Key] = e.Value
	}
}

// replace resolves ${NAME} and ${NAME:-default}. What only looks like one of them stays as it is, and what is put in is
// not looked at again.
func replace(value string, lookup func(string) string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(value, "${")
		if !found {
			if b.Len() == 0 {
				return value
			}
			break
		}
		body, after, closed := strings.Cut(rest, "}")
		if !closed {
			break
		}
		name, fallback, hasDefault := strings.Cut(body, ":-")
		if strings.Contains(name, ":") || (!hasDefault && strings.Contains(body, ":")) {
			b.WriteString(before + "${")
			value = rest
			continue
		}
		b.WriteString(before)
		if text := lookup(name); text != "" {
			b.WriteString(text)
		} else {
			b.WriteString(fallback)
		}
		value = after
	}
	b.WriteString(value)
	return b.String()
}
