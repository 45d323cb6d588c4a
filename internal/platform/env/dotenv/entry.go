package dotenv

import (
	"strings"
	"unicode"
)

// entry reads one line, or several where a quoted value has them. A comment gives an entry without a key.
func (s *scanner) entry() (Entry, *SyntaxError) {
	exported := s.export()
	e := Entry{Export: exported, Line: s.line, Column: s.column()}
	if s.peek() == '#' {
		s.restOfLine()
		return Entry{}, nil
	}
	var err *SyntaxError
	if e.Key, err = s.key(); err != nil {
		return Entry{}, err
	}
	s.spaces()
	if s.peek() == '=' {
		s.pos++
		e.HasValue = true
		if e.Value, e.Quote, err = s.value(s.spaces()); err != nil {
			return Entry{}, err
		}
		s.spaces()
	}
	if s.peek() == '#' {
		s.restOfLine()
	}
	if !s.done() && !s.newline() {
		if !e.HasValue {
			return Entry{}, s.fail(RuleDelimiter, "a name is followed by =")
		}
		return Entry{}, s.fail(RuleTrailing, "only a comment may follow the closing quote")
	}
	return e, nil
}

// export steps over the word and the space after it; without space it is a name like any other.
func (s *scanner) export() bool {
	const word = "export"
	if !strings.HasPrefix(s.src[s.pos:], word) {
		return false
	}
	after := *s
	after.pos += len(word)
	if !after.spaces() {
		return false
	}
	*s = after
	return true
}

func (s *scanner) key() (string, *SyntaxError) {
	rest := s.src[s.pos:]
	if s.peek() == '\'' {
		end := strings.IndexAny(rest[1:], "'\r\n")
		if end <= 0 || rest[1+end] != '\'' {
			return "", s.fail(RuleName, "a name in quotes is not empty and ends on its line")
		}
		s.pos += end + 2
		return rest[1 : 1+end], nil
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r == '=' || r == '#' || unicode.IsSpace(r) })
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		return "", s.fail(RuleName, "a line begins with a name")
	}
	s.pos += end
	return rest[:end], nil
}

func (s *scanner) value(spaced bool) (string, byte, *SyntaxError) {
	switch quote := s.peek(); quote {
	case '\'', '"':
		end := closing(s.src, s.pos+1, quote)
		if end < 0 {
			return "", 0, s.fail(RuleQuote, "the quote that begins here is not closed")
		}
		raw := s.src[s.pos+1 : end]
		s.advance(end + 1)
		return unescape(raw, quote), quote, nil
	default:
		return bare(s.restOfLine(), spaced), 0, nil
	}
}

// closing returns where the quote ends that began before from, or -1.
func closing(src string, from int, quote byte) int {
	for i := from; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case quote:
			return i
		}
	}
	return -1
}

// bare cuts the comment and the white space off a value without quotes. spaced says that white space came before it, so
// that a # at its start is a comment too.
func bare(text string, spaced bool) string {
	for i, r := range text {
		if r == '#' && spaced {
			text = text[:i]
			break
		}
		spaced = unicode.IsSpace(r)
	}
	return strings.TrimRightFunc(text, unicode.IsSpace)
}
