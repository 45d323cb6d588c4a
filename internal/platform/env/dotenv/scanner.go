package dotenv

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner walks over the text of a file. It never moves backwards, so that reading is linear in the size of the file.
type scanner struct {
	src       string
	pos       int
	line      int // the line that pos is on
	lineStart int // where that line begins
}

func (s *scanner) done() bool { return s.pos >= len(s.src) }

// peek returns the byte at pos, or 0 at the end; the text holds no NUL.
func (s *scanner) peek() byte {
	if s.done() {
		return 0
	}
	return s.src[s.pos]
}

func (s *scanner) fail(rule, message string) *SyntaxError {
	return &SyntaxError{Line: s.line, Column: s.column(), Rule: rule, Message: message}
}

func (s *scanner) column() int { return utf8.RuneCountInString(s.src[s.lineStart:s.pos]) + 1 }

// newline steps over one line break, if there is one at pos.
func (s *scanner) newline() bool {
	switch {
	case strings.HasPrefix(s.src[s.pos:], "\r\n"):
		s.pos += 2
	case s.peek() == '\n' || s.peek() == '\r':
		s.pos++
	default:
		return false
	}
	s.line++
	s.lineStart = s.pos
	return true
}

// spaces steps over white space within the line and reports whether there was any.
func (s *scanner) spaces() bool {
	start := s.pos
	for !s.done() {
		r, size := utf8.DecodeRuneInString(s.src[s.pos:])
		if r == '\n' || r == '\r' || !unicode.IsSpace(r) {
			break
		}
		s.pos += size
	}
	return s.pos > start
}

func (s *scanner) skipBlank() {
	for s.spaces() || s.newline() {
	}
}

// restOfLine returns the text up to the line break and steps to it.
func (s *scanner) restOfLine() string {
	rest := s.src[s.pos:]
	if end := strings.IndexAny(rest, "\r\n"); end >= 0 {
		rest = rest[:end]
	}
	s.pos += len(rest)
	return rest
}

func (s *scanner) skipLine() {
	s.restOfLine()
	s.newline()
}

// advance steps to end, which may be lines away.
func (s *scanner) advance(end int) {
	for s.pos < end {
		if !s.newline() {
			s.pos++
		}
	}
}
