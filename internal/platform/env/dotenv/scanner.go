package dotenv

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isBlank reports whether r is white space within a line.
func isBlank(r rune) bool { return unicode.IsSpace(r) && r != '\n' && r != '\r' }

// isName reports whether r may be part of a name without quotes.
func isName(r rune) bool { return r != '=' && r != '#' && !unicode.IsSpace(r) }

func isInLine(r rune) bool { return r != '\n' && r != '\r' }

// span returns the length of the longest prefix of text whose characters are all in a class.
func span(text string, class func(rune) bool) int {
	for i, r := range text {
		if !class(r) {
			return i
		}
	}
	return len(text)
}

// comment returns the length of blanks and a comment at the beginning of text.
func comment(text string) int {
	n := span(text, isBlank)
	if n < len(text) && text[n] == '#' {
		n += span(text[n:], isInLine)
	}
	return n
}

// quoted returns the length of the quoted value at the beginning of text, 0 if it is not closed.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return 0
}

// scanner reads the text of a file in time linear in its size.
type scanner struct {
	rest         string // the text that has not been read
	line, column int    // place of rest, from 1
}

// take reads characters as long as they are in a class.
func (s *scanner) take(class func(rune) bool) string { return s.skip(span(s.rest, class)) }

// skip reads n bytes. It does not end between a CR and its LF.
func (s *scanner) skip(n int) string {
	text := s.rest[:n]
	s.rest = s.rest[n:]
	lastLine := text[max(strings.LastIndexByte(text, '\n'), strings.LastIndexByte(text, '\r'))+1:]
	if len(lastLine) < n {
		s.line += strings.Count(text, "\n") + strings.Count(text, "\r") - strings.Count(text, "\r\n")
		s.column = 1
	}
	s.column += utf8.RuneCountInString(lastLine)
	return text
}

func (s *scanner) fail(rule, message string) *SyntaxError {
	return &SyntaxError{Line: s.line, Column: s.column, Rule: rule, Message: message}
}

// entry reads one line, or several if a quoted value spans them. A comment gives an entry without a key.
func (s *scanner) entry() (e Entry, err *SyntaxError) {
	if after, ok := strings.CutPrefix(s.rest, "export"); ok && span(after, isBlank) > 0 {
		s.skip(len("export") + span(after, isBlank))
	}
	if s.skip(comment(s.rest)) != "" {
		return Entry{}, nil
	}
	e = Entry{Line: s.line, Column: s.column}
	n := span(s.rest, isName)
	if inQuotes := strings.HasPrefix(s.rest, "'"); inQuotes {
		n = 0
		if end := strings.IndexAny(s.rest[1:], "'\r\n"); end > 0 && s.rest[1+end] == '\'' {
			n = end + len("''")
			e.Key = s.rest[1 : 1+end]
		}
	} else {
		e.Key = s.rest[:n]
	}
	if s.skip(n); n == 0 {
		return e, s.fail(RuleName, "a line must begin with a name; a quoted name must end on its line")
	}
	s.take(isBlank)
	if e.HasValue = strings.HasPrefix(s.rest, "="); e.HasValue {
		s.skip(1)
		if e.Value, e.Quote, err = s.value(); err != nil {
			return e, err
		}
	}
	s.skip(comment(s.rest))
	switch {
	case s.rest == "" || s.rest[0] == '\r' || s.rest[0] == '\n':
		return e, nil
	case e.HasValue:
		return e, s.fail(RuleTrailing, "only a comment may follow the closing quote")
	}
	return e, s.fail(RuleDelimiter, "a name must be followed by =")
}

// value reads a value and returns its quote, or 0 for a bare value.
func (s *scanner) value() (value string, quote byte, err *SyntaxError) {
	space := s.take(isBlank)
	escapes := singleEscapes
	switch {
	case strings.HasPrefix(s.rest, `'`):
	case strings.HasPrefix(s.rest, `"`):
		escapes = doubleEscapes
	default:
		// A # begins a comment only after white space, which may be that before the value.
		value = space + s.take(isInLine)
		for i, r := range value {
			if r == '#' && i > 0 && strings.TrimRightFunc(value[:i], isBlank) != value[:i] {
				value = value[:i]
				break
			}
		}
		return strings.TrimSpace(value), 0, nil
	}
	n := quoted(s.rest)
	if n == 0 {
		return "", 0, s.fail(RuleQuote, "the quote that begins here is not closed")
	}
	text := s.skip(n)
	value = text[1 : n-1]
	if strings.ContainsAny(value, "\\\r") {
		value = escapes.Replace(value)
	}
	return value, text[0], nil
}
