package dotenv

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const byteOrderMark = "\ufeff"

// decode returns src as text without its byte order mark. A file that is not UTF-8 is refused as a whole: what its bytes
// mean is a guess.
func decode(src []byte) (string, *SyntaxError) {
	if bytes.HasPrefix(src, []byte{0xff, 0xfe}) || bytes.HasPrefix(src, []byte{0xfe, 0xff}) {
		return "", &SyntaxError{Line: 1, Column: 1, Rule: RuleEncoding, Message: "the file is UTF-16; save it as UTF-8"}
	}
	text := strings.TrimPrefix(string(src), byteOrderMark)
	for i, r := range text {
		if r == 0 || (r == utf8.RuneError && invalidAt(text, i)) {
			s := scanner{src: text, line: 1}
			s.advance(i)
			return "", s.fail(RuleEncoding, "the file is not UTF-8 text")
		}
	}
	return text, nil
}

func invalidAt(text string, i int) bool {
	_, size := utf8.DecodeRuneInString(text[i:])
	return size == 1
}

// unescape resolves the escapes of a quoted value and makes its line breaks LF, as reading a file in text mode does.
func unescape(raw string, quote byte) string {
	if strings.IndexByte(raw, '\\') < 0 && strings.IndexByte(raw, '\r') < 0 {
		return raw
	}
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '\\' && i+1 < len(raw):
			if plain, ok := escape(raw[i+1], quote); ok {
				b.WriteByte(plain)
				i++
				continue
			}
			b.WriteByte(c)
		case c == '\r':
			b.WriteByte('\n')
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escape returns what a backslash and c stand for between these quotes, and whether they are an escape at all.
func escape(c, quote byte) (byte, bool) {
	if c == '\\' || c == '\'' {
		return c, true
	}
	if quote != '"' {
		return 0, false
	}
	const letters, meaning = `"abfnrtv`, "\"\a\b\f\n\r\t\v"
	i := strings.IndexByte(letters, c)
	if i < 0 {
		return 0, false
	}
	return meaning[i], true
}
