package db

import (
	"strings"
	"unicode/utf8"
)

// Text returns s as PostgreSQL can hold it, for what comes from outside and is no reason to refuse anything, such as a header:
// valid UTF-8 without NUL, cut to so many characters. What was neither is U+FFFD.
func Text(s string, longest int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest])
	}
	return s
}
