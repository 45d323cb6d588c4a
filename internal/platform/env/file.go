package env

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/env/strength"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// File is a parsed dotenv file.
type File struct {
	path    string
	mode    fs.FileMode // zero if unknown
	src     string
	entries []dotenv.Entry
	syntax  []*dotenv.SyntaxError
	last    map[string]int // index of the entry that counts, the last one, by name
}

// ReadFile reads and parses a regular file or a named pipe of at most 1 MiB. Syntax errors are
// reported by [File.Err] and [Validator.Validate].
func ReadFile(path string) (*File, error) {
	content, err := dotenv.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f := Parse(path, content)
	if info.Mode().IsRegular() {
		f.mode = info.Mode()
	}
	return f, nil
}

// Parse parses the content of a file. A reference such as ${HOST} is replaced by the value in the
// file, not by that of the process environment.
func Parse(path string, content []byte) *File {
	f := &File{path: path, src: string(content), last: map[string]int{}}
	f.entries, f.syntax = dotenv.Parse(content, func(string) (string, bool) { return "", false })
	f.joinLines()
	for i, e := range f.entries {
		f.last[e.Key] = i
	}
	return f
}

// ruleUnquoted is the rule of the syntax error for a value that goes on over lines without quotes.
const ruleUnquoted = "unquoted_lines"

// joinLines replaces the lines that seem to continue an unquoted value by one syntax error: they are
// no variables and may be parts of a secret. An implausible name is replaced by its line, as in
// "(line 3)".
func (f *File) joinLines() {
	type line struct {
		number int
		entry  dotenv.Entry
		err    *dotenv.SyntaxError
	}
	var lines []line
	for _, e := range f.entries {
		lines = append(lines, line{e.Line, e, nil})
	}
	for _, e := range f.syntax {
		lines = append(lines, line{e.Line, dotenv.Entry{}, e})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.number, b.number) })
	f.entries, f.syntax = nil, nil
	var open dotenv.Entry // whose value may go on
	end, joined := 0, false
	for _, l := range lines {
		secret := joined || hides(open.Key, open.Value)
		switch {
		case open.Value != "" && l.number == end+1 && continues(l.entry, l.err, secret):
			if !joined {
				f.syntax = append(f.syntax, &dotenv.SyntaxError{Line: open.Line, Column: open.Column, Rule: ruleUnquoted,
					Message: "has a value of several lines without quotes; put it in double quotes"})
			}
			end, joined = l.number, true
			continue
		case l.err != nil:
			f.syntax = append(f.syntax, l.err)
		default:
			if !plausible(l.entry) {
				l.entry.Key = fmt.Sprintf("(line %d)", l.number)
			}
			f.entries = append(f.entries, l.entry)
		}
		open, end, joined = l.entry, l.number, false
		if open.Quote != 0 {
			open.Value = ""
		}
	}
}

// goesOn reports whether an unquoted value that begins on this line continues on later lines.
func (f *File) goesOn(line int) bool {
	return slices.ContainsFunc(f.syntax, func(e *dotenv.SyntaxError) bool {
		return e.Rule == ruleUnquoted && e.Line == line
	})
}

// continues reports whether a line seems to continue the unquoted value above it, which may be secret.
func continues(e dotenv.Entry, err *dotenv.SyntaxError, secret bool) bool {
	switch {
	case err != nil:
		return secret && (err.Rule == dotenv.RuleName || err.Rule == dotenv.RuleDelimiter)
	case !e.HasValue:
		return !plausible(e) || secret && !strings.Contains(e.Key, "_")
	}
	padding := strings.Trim(e.Value, "=") == "" && (e.Value != "" || strings.ToUpper(e.Key) != e.Key)
	return secret && (padding || !plausible(e))
}

// plausible reports whether the name of an entry is one that somebody chose. A line without = must
// look like the name of an environment variable, because any text is such a line.
func plausible(e dotenv.Entry) bool {
	const longest = 32 // characters of one word
	for _, word := range words(e.Key) {
		if len(word) > longest {
			return false
		}
	}
	return safeName.MatchString(e.Key) && (e.HasValue || bareName.MatchString(e.Key)) &&
		!slices.ContainsFunc(strings.FieldsFunc(e.Key, isSeparator), strength.Generated)
}

// isSecret reports whether a word of its name says that a value is a secret.
func isSecret(name, value string) bool {
	return logging.Sensitive(name) && !strength.Harmless(name, value)
}

// hides reports whether output masks the value of a variable.
func hides(name, value string) bool {
	return isSecret(name, value) || strength.Suspect(name, value) || logging.Redact(value) != value
}

// Err returns the syntax errors of the file, or nil. Variables on lines with a syntax error are
// missing from the file.
func (f *File) Err() error {
	var errs []error
	for _, e := range f.syntax {
		errs = append(errs, fmt.Errorf("%s: %w", f.path, e))
	}
	return errors.Join(errs...)
}

// Lookup returns the value of a variable and whether it has one.
func (f *File) Lookup(name string) (string, bool) {
	e := f.entry(name)
	return e.Value, e.HasValue
}

// Names returns the names of the variables in the order of the file.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.last))
	for e := range f.effective {
		names = append(names, e.Key)
	}
	return names
}

// entry returns the entry of a variable that counts, or one without line and value if there is
// none.
func (f *File) entry(name string) dotenv.Entry {
	if i, ok := f.last[name]; ok {
		return f.entries[i]
	}
	return dotenv.Entry{Key: name}
}

// effective yields the entries that count, in the order of the file.
func (f *File) effective(yield func(dotenv.Entry) bool) {
	for i, e := range f.entries {
		if f.last[e.Key] == i && !yield(e) {
			return
		}
	}
}

// containsSecret reports whether value contains the value of a variable that is hidden, as
// postgres://u:${DB_PASSWORD}@h does.
func (f *File) containsSecret(value string) bool {
	const shortest = 4 // shorter secrets are part of many values by chance
	for e := range f.effective {
		if len(e.Value) >= shortest && hides(e.Key, e.Value) && strings.Contains(value, e.Value) {
			return true
		}
	}
	return false
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	// safeName matches the names that findings repeat. Others are omitted: a line without = can be
	// any text, even a secret.
	safeName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)
	bareName = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)
)

// finding returns a finding about an entry.
func (f *File) finding(e dotenv.Entry, s Severity, rule, message string) Finding {
	if !safeName.MatchString(e.Key) {
		e.Key = ""
	}
	return Finding{f.path, e.Line, e.Column, e.Key, rule, s, message}
}
