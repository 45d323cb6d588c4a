// Package dotenv reads dotenv files in the dialect of python-dotenv.
//
// A line is NAME=value, optionally after the word export. A name may be in single quotes. A value
// is bare, in single quotes or in double quotes; quoted values may span lines. A # starts a comment
// at the beginning of a line, after a closing quote, and after white space in a bare value. A name
// without = is an entry without a value, which differs from an entry with an empty value. Lines end
// with LF, CRLF or CR; a line break inside quotes is read as LF. A byte order mark is skipped. If a
// name is set twice, [Parse] returns both entries and the later one counts.
//
// The escapes in single quotes are \\ and \'; in double quotes also \" \a \b \f \n \r \t \v. Any
// other backslash is kept.
//
// Parse replaces ${NAME} and ${NAME:-default} in bare and double-quoted values if it has a lookup
// function. It differs from python-dotenv in two points, where it follows the shell: single quotes
// keep a value as it is, and the default also replaces an empty variable. References to unset
// variables are reported in [Entry].Unset, and other forms of the shell, such as ${NAME-default},
// ${NAME:?error} and nested references, in [Entry].Foreign.
//
//	content, err := dotenv.ReadFile(".env")
//	entries, errs := dotenv.Parse(content, os.LookupEnv)
//
// Parse reports all syntax errors of a file at once. Each has a line, a column and a rule. No error
// quotes the file, so errors are safe to log.
//
// # Lifting it out
//
// Copy the directory. It needs the standard library; its tests need testify, goleak and, for a
// benchmark, godotenv.
package dotenv

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"
)

// Entry is one NAME=value of a file.
type Entry struct {
	Key      string
	Value    string // without quotes and escapes
	HasValue bool   // false for a name without =
	Line     int    // line of the name, from 1
	Column   int    // column of the name in characters, from 1
	Quote    byte   // quote of the value; 0 for a bare value
	Unset    string // first reference to a variable that is not set and has no default
	Foreign  bool   // the value contains a reference in a form that is not supported, which is kept
}

// The rules that a [SyntaxError] names.
const (
	RuleEncoding  = "encoding"  // the file is not UTF-8 text
	RuleName      = "name"      // a line has no name before its =, or the quote of a name is not closed
	RuleDelimiter = "delimiter" // a name is followed by something other than =
	RuleQuote     = "quote"     // a quoted value is not closed
	RuleTrailing  = "trailing"  // a closing quote is followed by something other than a comment
)

// SyntaxError is a place in a file that cannot be read.
type SyntaxError struct {
	Line    int    // from 1
	Column  int    // in characters, from 1
	Rule    string // one of the Rule constants
	Message string // for people
}

// Error returns the place and the message.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

const maxFile = 1 << 20 // bytes

// pipeTimeout bounds the time for reading a named pipe, including the wait for its writer.
var pipeTimeout = 10 * time.Second

// ReadFile reads a regular file or a named pipe, such as <(sops -d secrets.env), of at most 1 MiB.
// Errors are of type [*fs.PathError].
func ReadFile(path string) ([]byte, error) {
	fail := func(reason string) ([]byte, error) {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%s", reason)}
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeNamedPipe:
		return fail("it is not a regular file or a named pipe")
	}
	type result struct {
		content []byte
		err     error
	}
	done := make(chan result, 1)
	go func() { // opening a pipe blocks until it has a writer
		var r result
		if r.content, r.err = readAll(path); len(r.content) > maxFile {
			r.content, r.err = fail("it is larger than 1 MiB")
		}
		done <- r
	}()
	select {
	case r := <-done:
		if !os.IsTimeout(r.err) {
			return r.content, r.err
		}
	case <-time.After(pipeTimeout):
		// A writer that comes and goes ends the blocked open.
		if w, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil { //nolint:gosec // see readAll
			_ = w.Close()
		}
	}
	return fail(fmt.Sprintf("it did not end within %v", pipeTimeout))
}

// readAll reads up to one byte more than maxFile.
func readAll(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator chooses the path
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	_ = f.SetReadDeadline(time.Now().Add(pipeTimeout)) // regular files have none and need none
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// Parse returns the entries of a file in order, and an error for each line that cannot be read. If
// lookup is not nil, Parse replaces references: ${NAME} is the value from lookup, else that of the
// last entry above, else the default, else empty. Parse is safe for concurrent use if lookup is.
func Parse(src []byte, lookup func(name string) (value string, ok bool)) ([]Entry, []*SyntaxError) {
	text, err := decode(src)
	if err != nil {
		return nil, []*SyntaxError{err}
	}
	var (
		entries []Entry
		errs    []*SyntaxError
		s       = scanner{rest: text, line: 1, column: 1}
		above   = map[string]string{}
	)
	for s.take(unicode.IsSpace); s.rest != ""; s.take(unicode.IsSpace) {
		entry, err := s.entry()
		if err != nil {
			errs = append(errs, err)
			s.take(isInLine)
			continue
		}
		if entry.Key == "" {
			continue
		}
		if lookup != nil {
			if entry.Quote != '\'' && strings.Contains(entry.Value, "${") {
				entry.expand(lookup, above)
			}
			above[entry.Key] = entry.Value
		}
		entries = append(entries, entry)
	}
	return entries, errs
}

// decode returns src as text without its byte order mark. It rejects a file that is not UTF-8: its
// encoding is unknown.
func decode(src []byte) (string, *SyntaxError) {
	text := strings.TrimPrefix(string(src), "\ufeff")
	for i, r := range text {
		if r == 0 || r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			s := scanner{rest: text, line: 1, column: 1}
			s.skip(i)
			return "", s.fail(RuleEncoding, "the file is not UTF-8 text; save it as UTF-8")
		}
	}
	return text, nil
}

// reference matches ${NAME}, ${NAME:-default} and the other forms that begin like them.
var reference = regexp.MustCompile(`\$\{([^}:]*)(:[^}]*)?\}`)

// expand replaces the references in the value. Replacements are not expanded again.
func (e *Entry) expand(lookup func(string) (string, bool), above map[string]string) {
	e.Value = reference.ReplaceAllStringFunc(e.Value, func(match string) string {
		parts := reference.FindStringSubmatch(match)
		found, ok := lookup(parts[1])
		if !ok {
			found, ok = above[parts[1]]
		}
		standard, hasDefault := strings.CutPrefix(parts[2], ":-")
		switch {
		case parts[2] != "" && !hasDefault, strings.Contains(standard, "${"),
			!ok && strings.ContainsAny(parts[1], "-?+=!#%/^,@*[$"):
			e.Foreign = true
			return match
		case !ok && !hasDefault:
			e.Unset = cmp.Or(e.Unset, parts[1])
		}
		return cmp.Or(found, standard)
	})
}

// The escapes of quoted values. Line breaks become LF, as when Python reads a file in text mode.
var (
	singleEscapes = strings.NewReplacer("\r\n", "\n", "\r", "\n", `\\`, `\`, `\'`, `'`)
	doubleEscapes = strings.NewReplacer("\r\n", "\n", "\r", "\n", `\\`, `\`, `\'`, `'`, `\"`, `"`,
		`\a`, "\a", `\b`, "\b", `\f`, "\f", `\n`, "\n", `\r`, "\r", `\t`, "\t", `\v`, "\v")
)
