package logging

import "strings"

// pairAt finds the value of a sensitive name, as in password=x, "api_key": "x", Authorization:[Bearer x] and the DSN form
// password='x'. The = or : is at i.
func pairAt(s string, i, from int) (start, end int, found bool) {
	name := nameBefore(s, i, from)
	if name == "" || !sensitive(name) || s[i] == ':' && strings.HasSuffix(name, ".go") { // token.go:12 is a place
		return 0, 0, false
	}
	start = run(s, i+1, func(c byte) bool { return c == '=' || c == '>' }) // := == =>
	value := run(s, start, isBlank)
	spaced := value > start
	start = value
	if start == len(s) || strings.HasPrefix(s[start:], Redacted) {
		return 0, 0, false
	}
	if open := run(s, start, func(c byte) bool { return c == '\\' }); open < len(s) && isQuote(s[open]) {
		return quotedValue(s, start, open)
	}
	if strings.IndexByte("[{(", s[start]) >= 0 {
		return start, bracketEnd(s, start), true
	}
	if i := run(s, start, isDash); i > start {
		if _, e, ok := privateKeyAt(s, i-1, start); ok { // its lines are not to be cut at their blanks
			return start, e, true
		}
	}
	end = bareEnd(s, start)
	if end == start {
		return 0, 0, false
	}
	first := s[start:end]
	switch {
	case endsWithFold(name, "authorization"):
		if e := schemeEnd(s, start, end); e > end {
			return start, e, true
		}
	case endsWithFold(name, "cookie") && strings.Contains(first, "="):
		return start, lineEnd(s, start), true
	}
	if s[i] == ':' && (spaced && isSentence(s, name, start, end) || start == i+1 && isPermission(s[:i], name, first)) {
		return 0, 0, false
	}
	return start, end, true
}

// isPermission reports whether name:action is a permission, as in api_keys:read: a resource in the plural right before the colon,
// and after it one of the few words for what is done to one, which are nobody's secret.
func isPermission(before, name, action string) bool {
	return permissionActions[action] && isNameByte(before[len(before)-1]) && endsWithFold(name, "s") && !endsWithFold(name, "ss")
}

var permissionActions = wordSet("read write create update delete list issue revoke rotate *")

// nameBefore returns the name that the separator at i belongs to, without its quotes. Of "api key", both words.
func nameBefore(s string, i, from int) string {
	end := i
	for end > from && strings.IndexByte("\"'`\\] \t", s[end-1]) >= 0 {
		end--
	}
	start := nameStart(s, end, from)
	name := s[start:end]
	if start > from && s[start-1] == ' ' && (endsWithFold(name, "key") || endsWithFold(name, "keys") || endsWithFold(name, "string")) {
		start = nameStart(s, start-1, from)
	}
	return s[start:end]
}

func nameStart(s string, end, from int) int {
	const maxName = 64
	start := end
	for start > from && end-start < maxName && isNameByte(s[start-1]) {
		start--
	}
	return start
}

func isNameByte(c byte) bool { return isBase64URL(c) || c == '.' }
func isQuote(c byte) bool    { return c == '"' || c == '\'' || c == '`' }

// quotedValue finds what is between the quote at open and its match. A quote of JSON inside JSON has backslashes before
// it, from start on, and ends at one that has as many.
func quotedValue(s string, start, open int) (int, int, bool) {
	quote := s[start : open+1]
	inner := open + 1
	end := inner
	for end < len(s) && !strings.HasPrefix(s[end:], quote) {
		if s[end] == '\\' && len(quote) == 1 {
			end++
		}
		end++
	}
	end = min(end, len(s))
	return inner, end, end > inner && !strings.HasPrefix(s[inner:], Redacted)
}

// bracketEnd returns the end of the list or object that opens at start, else that of the line.
func bracketEnd(s string, start int) int {
	depth := 0
	end := lineEnd(s, start)
	for i := start; i < end; i++ {
		switch s[i] {
		case '[', '{', '(':
			depth++
		case ']', '}', ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return end
}

func lineEnd(s string, start int) int {
	if n := strings.IndexAny(s[start:], "\r\n"); n >= 0 {
		return start + n
	}
	return len(s)
}

// bareEnd returns the end of a value without quotes: a blank, or a separator with a next pair behind it. The closing
// punctuation around it is not part of it.
func bareEnd(s string, start int) int {
	end := start
	for end < len(s) && s[end] > ' ' && (strings.IndexByte("&;,", s[end]) < 0 || !startsPair(s[end+1:])) {
		end++
	}
	return start + len(strings.TrimRight(s[start:end], closing))
}

// closing is what may stand between a value and the end of what it is quoted in.
const closing = ".,;:!?)]}>\"'`\\"

// startsPair reports whether s begins with a name and a separator.
func startsPair(s string) bool {
	i := run(s, 0, func(c byte) bool { return isBlank(c) || isQuote(c) || c == '\\' })
	end := run(s, i, isNameByte)
	after := run(s, end, func(c byte) bool { return isQuote(c) || c == '\\' })
	return end > i && after < len(s) && (s[after] == '=' || s[after] == ':')
}

// schemeEnd returns the end of an Authorization value that begins with the scheme s[start:end], RFC 9110, section 11.4:
// of a single credential, or of the line where the scheme has parameters. It returns end for anything else.
func schemeEnd(s string, start, end int) int {
	credential := run(s, end, isBlank)
	switch strings.ToLower(s[start:end]) {
	case "bearer", "basic", "token", "apikey", "negotiate":
		if credential < len(s) && credential > end && !strings.HasPrefix(s[credential:], Redacted) {
			return max(end, bareEnd(s, credential))
		}
	case "digest", "aws4-hmac-sha256", "hmac", "signature", "oauth":
		return lineEnd(s, end)
	}
	return end
}

// isSentence reports whether the text after "name: " reads on as a sentence, as error texts do: "verify the token: not
// found". After a name of several words, as in a header or a variable, only a word that begins sentences counts; after a
// password a last word alone is taken for the password.
func isSentence(s, name string, start, end int) bool {
	word := s[start:end]
	if len(word) >= 20 || run(word, 0, isLetter) != len(word) {
		return false
	}
	lower := strings.ToLower(word)
	switch {
	case sentenceWords[lower]:
		return true
	case word[1:] != lower[1:] && word != strings.ToUpper(word), strings.ContainsAny(name, "-_."):
		return false
	}
	for _, ending := range []string{"password", "passwd", "pwd", "passphrase", "passcode", "secret"} {
		if endsWithFold(name, ending) {
			next := run(s, end, isBlank)
			return next > end && next < len(s) && s[next] > ' '
		}
	}
	return true
}

var sentenceWords = wordSet(`a an are can cannot could empty expected expired failed got has have holds invalid is malformed missing must
	no none not null of or required set should the there too unknown unset was were want wrong`)

func isDash(c byte) bool { return c == '-' }
