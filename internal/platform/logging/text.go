package logging

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	maxText   = 8 << 10 // bytes of one text in a line, escapes included
	lookahead = 1 << 10 // read past maxText before cutting, so that a secret at the cut is still known as one
)

// What a byte of a text asks for.
const (
	mayEscape = 1 << iota // is escaped in JSON, or begins a sequence that is
	mayReveal             // is where a secret shows: see secretAt
)

var byteClass = func() (t [256]uint8) {
	for c := range t {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			t[c] |= mayEscape
		}
	}
	for _, c := range []byte(" \t-_=:JIz") {
		t[c] |= mayReveal
	}
	return t
}()

// text appends s as a JSON string: redacted, cut at maxText, one line. Most texts are copied after one look at each byte.
func (l *line) text(s string) {
	if len(s) > maxText {
		l.longText(s)
		return
	}
	escape := uint8(0)
	for i := 0; i < len(s); i++ {
		if i+4 <= len(s) { // four at a time, since most bytes ask for nothing
			if b := s[i : i+4]; byteClass[b[0]]|byteClass[b[1]]|byteClass[b[2]]|byteClass[b[3]] == 0 {
				i += 3
				continue
			}
		}
		class := byteClass[s[i]]
		if class == 0 {
			continue
		}
		escape |= class & mayEscape
		if class&mayReveal != 0 {
			if _, _, found := secretAt(s, i, 0); found {
				l.quote(Redact(s), len(s))
				return
			}
		}
	}
	if escape == 0 {
		l.quoted(s)
		return
	}
	l.quote(s, len(s))
}

// quoted appends s as it is, in quotes, with one look at the room that there is.
func (l *line) quoted(s string) {
	n := len(l.b)
	if cap(l.b)-n < len(s)+2 {
		l.b = slices.Grow(l.b, len(s)+2)
	}
	l.b = l.b[:n+len(s)+2]
	l.b[n], l.b[n+1+len(s)] = '"', '"'
	copy(l.b[n+1:], s)
}

func (l *line) longText(s string) {
	l.quote(Redact(s[:min(len(s), maxText+lookahead)]), len(s))
}

// quote appends s escaped, at most maxText bytes of it; size is the length to name where it is cut.
func (l *line) quote(s string, size int) {
	l.b = append(l.b, '"')
	end := len(l.b) + maxText
	for i := 0; i < len(s); {
		if len(l.b) >= end {
			l.b = append(l.b, "…[truncated, "...)
			l.b = strconv.AppendInt(l.b, int64(size), 10)
			l.b = append(l.b, " bytes]"...)
			break
		}
		if c := s[i]; c < utf8.RuneSelf {
			l.b = appendASCII(l.b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			l.b = append(l.b, `\ufffd`...)
		case r < 0xa0, r == '\u2028', r == '\u2029': // C1 controls and line separators break lines on some terminals
			l.b = appendEscape(l.b, r)
		default:
			l.b = append(l.b, s[i:i+n]...)
		}
		i += n
	}
	l.b = append(l.b, '"')
}

func appendASCII(b []byte, c byte) []byte {
	switch {
	case byteClass[c]&mayEscape == 0:
		return append(b, c)
	case c == '"', c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, '\\', 'n')
	case c == '\r':
		return append(b, '\\', 'r')
	case c == '\t':
		return append(b, '\\', 't')
	}
	return appendEscape(b, rune(c))
}

func appendEscape(b []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
