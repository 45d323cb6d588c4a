package env

import (
	"fmt"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
)

// The rules about the form of a file, beside those of package dotenv about its syntax.
const (
	RuleDuplicate    = "duplicate_key"    // a name is there twice; the last one counts
	RuleCharacter    = "bad_character"    // a name has other characters than letters, digits and underscores
	RuleLeading      = "leading_digit"    // a name begins with a digit
	RuleLowercase    = "lowercase_name"   // a name has small letters
	RuleNoValue      = "no_value"         // a name has no =
	RuleSpaceAround  = "space_around"     // there is white space before or after the =
	RuleTrailing     = "trailing_space"   // a line ends with white space
	RuleEnd          = "no_final_newline" // the last line does not end
	RuleNoVariables  = "empty_file"       // there is no variable at all
	RuleConsistently = "mixed_line_ends"  // some lines end with CRLF, others do not
)

// lint returns what is wrong with the form of the file: what cannot be read is an error, all else a warning.
func (f *File) lint() (found []Finding) {
	for _, e := range f.syntax {
		found = append(found, Finding{File: f.Path, Line: e.Line, Column: e.Column, Rule: e.Rule, Severity: SeverityError, Message: e.Message})
		if e.Rule == dotenv.RuleEncoding {
			return found // there is no text to look at
		}
	}
	first := map[string]int{}
	for _, e := range f.Entries {
		found = append(found, f.lintName(e)...)
		if line, twice := first[e.Key]; twice {
			found = append(found, f.at(e, RuleDuplicate, SeverityWarning, fmt.Sprintf("is set on line %d already; the last one counts", line)))
		} else {
			first[e.Key] = e.Line
		}
	}
	if len(f.Entries) == 0 && len(f.syntax) == 0 {
		found = append(found, Finding{File: f.Path, Rule: RuleNoVariables, Severity: SeverityWarning, Message: "the file has no variables"})
	}
	return append(found, f.lintLines()...)
}

func (f *File) lintName(e dotenv.Entry) (found []Finding) {
	warn := func(rule, message string) { found = append(found, f.at(e, rule, SeverityWarning, message)) }
	switch {
	case strings.IndexFunc(e.Key, func(r rune) bool { return r > 'z' || !isNameByte(byte(r)) || r == '.' || r == '-' }) >= 0: //nolint:gosec // at most 'z'
		warn(RuleCharacter, "has characters other than letters, digits and underscores in its name")
	case e.Key[0] >= '0' && e.Key[0] <= '9':
		warn(RuleLeading, "begins with a digit")
	case strings.ToUpper(e.Key) != e.Key:
		warn(RuleLowercase, "has small letters in its name")
	}
	if !e.HasValue {
		warn(RuleNoValue, "has no = and no value")
	}
	return found
}

// lintLines looks at lines as they are written. Those inside of quotes that span several lines are values, and are left alone.
func (f *File) lintLines() (found []Finding) {
	lines := strings.SplitAfter(f.src, "\n")
	begins := map[int]dotenv.Entry{}
	for _, e := range f.Entries {
		begins[e.Line] = e
	}
	warn := func(line, column int, name, rule, message string) {
		found = append(found, Finding{File: f.Path, Line: line, Column: column, Variable: printable(name), Rule: rule, Severity: SeverityWarning, Message: message})
	}
	crlf, lf := 0, 0
	for i, text := range lines {
		if strings.HasSuffix(text, "\r\n") {
			crlf++
		} else if strings.HasSuffix(text, "\n") {
			lf++
		}
		e, isEntry := begins[i+1]
		text = strings.TrimRight(text, "\r\n")
		inQuotes := strings.Contains(e.Value, "\n") // the line ends inside of the value
		if trimmed := strings.TrimRight(text, " \t"); isEntry && !inQuotes && trimmed != text {
			warn(i+1, len([]rune(trimmed))+1, e.Key, RuleTrailing, "has white space at the end of its line")
		}
		if before, after, ok := strings.Cut(text, "="); isEntry && e.HasValue && ok && (strings.TrimRight(before, " \t") != before || strings.TrimLeft(after, " \t") != after && after != "") {
			warn(i+1, len([]rune(before))+1, e.Key, RuleSpaceAround, "has white space around its =, which shells do not take")
		}
	}
	if crlf > 0 && lf > 0 {
		warn(1, 1, "", RuleConsistently, "some lines end with CRLF and some with LF")
	}
	if f.src != "" && !strings.HasSuffix(f.src, "\n") {
		warn(len(lines), len([]rune(lines[len(lines)-1]))+1, "", RuleEnd, "the last line does not end with a line break")
	}
	return found
}
