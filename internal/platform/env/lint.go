package env

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/env/spelling"
)

// lint checks the form of the file. Syntax errors are errors, all other findings warnings.
func (f *File) lint() (found []Finding) {
	for _, e := range f.syntax {
		at := dotenv.Entry{Line: e.Line, Column: e.Column}
		if e.Rule == ruleUnquoted {
			at = f.entries[slices.IndexFunc(f.entries, func(one dotenv.Entry) bool { return one.Line == e.Line })]
		}
		found = append(found, f.finding(at, SeverityError, e.Rule, e.Message))
		if e.Rule == dotenv.RuleEncoding {
			return found // the lines are not text
		}
	}
	warn := func(e dotenv.Entry, rule, message string) {
		found = append(found, f.finding(e, SeverityWarning, rule, message))
	}
	if len(f.entries) == 0 && len(f.syntax) == 0 {
		warn(dotenv.Entry{}, "empty_file", "the file has no variables")
	}
	first := map[string]int{}
	for _, e := range f.entries {
		switch {
		case !safeName.MatchString(e.Key):
			warn(e, "bad_name", "this line does not begin with a name that is plausible")
		case !identifier.MatchString(e.Key):
			warn(e, "bad_character", "has characters other than letters, digits and underscores in its name")
		case e.Key[0] >= '0' && e.Key[0] <= '9':
			warn(e, "leading_digit", "begins with a digit")
		case strings.ToUpper(e.Key) != e.Key:
			warn(e, "lowercase_name", "has lowercase letters in its name")
		}
		if !e.HasValue && safeName.MatchString(e.Key) {
			warn(e, "no_value", "has no = and no value")
		}
		if strings.ContainsFunc(e.Value, isInvisible) {
			warn(e, "invisible_character", "has a control character, a mark of direction or an invisible character in its value")
		}
		f.lintReferences(e, func(s Severity, rule, message string) { found = append(found, f.finding(e, s, rule, message)) })
		if line, ok := first[e.Key]; ok {
			warn(e, "duplicate_key", fmt.Sprintf("is already set on line %d; the last one counts", line))
		} else {
			first[e.Key] = e.Line
		}
	}
	f.lintLines(warn)
	return found
}

// isInvisible reports whether a character is neither shown nor white space that people type.
func isInvisible(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' && r != '\t' }

// lintReferences reports references that are kept as written or replaced by nothing. It does not
// name them: "${" may be part of a secret.
func (f *File) lintReferences(e dotenv.Entry, report func(s Severity, rule, message string)) {
	if e.Foreign {
		report(SeverityError, "reference",
			"has a reference in a form other than ${NAME} and ${NAME:-default}; single quotes keep ${ as it is")
	}
	if e.Unset == "" {
		return
	}
	if _, ok := f.last[e.Unset]; ok {
		report(SeverityError, "unset_reference", "refers to a variable that is set further down")
	} else if meant := spelling.Nearest(e.Unset, slices.Values(f.Names())); meant != "" {
		report(SeverityError, "unset_reference", "refers to a variable that is not set: did you mean "+meant+"?")
	} else {
		report(SeverityWarning, "unset_reference",
			"refers to a variable that the file does not set; write ${NAME:-} if it may be empty")
	}
}

// lintLines checks the lines as written. It skips the later lines of multi-line values.
func (f *File) lintLines(warn func(e dotenv.Entry, rule, message string)) {
	entries := map[int]dotenv.Entry{} // by line
	for _, e := range f.entries {
		entries[e.Line] = e
	}
	crlf, lf := 0, 0
	for i, text := range strings.SplitAfter(f.src, "\n") {
		switch {
		case strings.HasSuffix(text, "\r\n"):
			crlf++
		case strings.HasSuffix(text, "\n"):
			lf++
		case text != "":
			end := dotenv.Entry{Line: i + 1, Column: columnAfter(text)}
			warn(end, "no_final_newline", "the last line has no line break")
		}
		e, ok := entries[i+1]
		if !ok {
			continue
		}
		text = strings.TrimRight(text, "\r\n")
		multiline := strings.Contains(e.Value, "\n")
		if trimmed := strings.TrimRight(text, " \t"); !multiline && trimmed != text {
			e.Column = columnAfter(trimmed)
			warn(e, "trailing_space", "has white space at the end of its line")
		}
		before, after, ok := strings.Cut(text, "=")
		spaceBefore := strings.TrimRight(before, " \t") != before
		spaceAfter := after != "" && strings.TrimLeft(after, " \t") != after
		e.Column = columnAfter(before)
		switch {
		case ok && e.HasValue && strings.HasPrefix(strings.TrimLeft(after, " \t"), "#"):
			warn(e, "comment_as_value",
				"has a # after its =, which some programs read as a comment and others as the value; put it in quotes")
		case ok && e.HasValue && (spaceBefore || spaceAfter):
			warn(e, "space_around", "has white space around its =, which shells reject")
		}
	}
	if crlf > 0 && lf > 0 {
		warn(dotenv.Entry{Line: 1, Column: 1}, "mixed_line_ends", "some lines end with CRLF and some with LF")
	}
}

func columnAfter(text string) int { return utf8.RuneCountInString(text) + 1 }
