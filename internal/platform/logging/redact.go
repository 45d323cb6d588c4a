package logging

import "strings"

// Redact returns text with [Redacted] in place of what looks like a secret: bearer and basic
// credentials, JSON Web Tokens, API keys of known formats, PEM private keys, passwords in URLs,
// DSNs, SQL and command lines, webhooks, and the values of sensitive names in name=value, name:
// value and JSON; percent-encoded, too. It is for free text, such as the message of an error; the
// lines of this package have been through it. Redacting twice changes nothing. Text without secrets
// is returned without copying.
func Redact(text string) string {
	const rounds = 4 // redacting one secret may reveal another
	for range rounds {
		next, found := redactOnce(text, text, nil)
		if !found && strings.IndexByte(text, '%') >= 0 {
			if plain, at := unescape(text); at != nil {
				next, found = redactOnce(text, plain, at)
			}
		}
		if !found {
			break
		}
		text = next
	}
	return text
}

// redactOnce finds secrets in plain, which is text or, with the index in text of each of its bytes,
// its percent-decoded form, and redacts them in text.
func redactOnce(text, plain string, at []int) (string, bool) {
	var out []byte
	done, copied := 0, 0 // how much of plain and of text is in out
	for i := 0; i < len(plain); i++ {
		if byteClass[plain[i]]&mayReveal == 0 || ordinary(plain, i) {
			continue
		}
		start, end, found := secretAt(plain, i, done)
		if !found {
			continue
		}
		done, i = end, end-1
		if at != nil {
			start, end = at[start], at[end]
		}
		out = append(out, text[copied:start]...)
		out = append(out, Redacted...)
		copied = end
	}
	if done == 0 {
		return text, false
	}
	return string(append(out, text[copied:]...)), true
}

// unescape decodes what is percent-encoded in text, up to three times. at has the index in text of
// each byte of plain, and its length; it is nil if nothing is encoded.
func unescape(text string) (plain string, at []int) {
	plain = text
	for range 3 {
		var decoded []byte
		var index []int
		for i := 0; i < len(plain); i++ {
			c, from := plain[i], i
			if isEscape(plain, i) {
				c = unhex(plain[i+1])<<4 | unhex(plain[i+2])
				i += 2
			}
			if at != nil {
				from = at[from]
			}
			decoded, index = append(decoded, c), append(index, from)
		}
		if len(decoded) == len(plain) {
			break
		}
		plain, at = string(decoded), append(index, len(text))
	}
	return plain, at
}

// isEscape reports whether a percent sign and two hexadecimal digits are at i.
func isEscape(s string, i int) bool {
	return s[i] == '%' && len(s)-i > 2 && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16
}

// unhex returns the value of a hexadecimal digit, 255 for other bytes.
func unhex(c byte) byte {
	switch {
	case isDigit(c):
		return c - '0'
	case 'a' <= c|' ' && c|' ' <= 'f':
		return c | ' ' - 'a' + 10
	}
	return 255
}

// ordinary is a fast test for most blanks, slashes and colons: no secret is next to the byte at i.
func ordinary(s string, i int) bool {
	before := needsBefore[s[i]]
	return before != 0 && i > 0 && i+1 < len(s) && byteClass[s[i-1]]&before == 0 && byteClass[s[i+1]]&isWord != 0
}

// needsBefore holds the classes of bytes of which one comes before a byte that is next to a secret,
// if a letter or a digit comes after it.
var needsBefore = [256]uint8{' ': endsScheme, '/': endsHook, ':': endsName}

// secretAt returns the place of the secret that the byte at i indicates. It looks back no further
// than from. Every kind of secret has one such byte, rare in ordinary text, so that the scan needs
// no regular expressions.
func secretAt(s string, i, from int) (start, end int, found bool) {
	switch s[i] {
	case ' ', '\t':
		if start, end, found = credentialAt(s, i, from); found {
			return start, end, true
		}
		return literalAt(s, i, from)
	case '=':
		if i > from && s[i-1] == ')' {
			return columnsAt(s, i, from)
		}
		return pairAt(s, i, from)
	case ':':
		if len(s)-i > 2 && s[i+1] == '/' && s[i+2] == '/' {
			return urlPasswordAt(s, i, from)
		}
		if start, end, found = botTokenAt(s, i, from); found {
			return start, end, true
		}
		return pairAt(s, i, from)
	case '@':
		return dsnPasswordAt(s, i, from)
	case '/':
		return webhookAt(s, i, from)
	case '%': // see Redact
		return 0, 0, false
	case '-':
		if start, end, found = privateKeyAt(s, i, from); found {
			return start, end, true
		}
		if start, end, found = flagAt(s, i, from); found {
			return start, end, true
		}
	}
	return apiKeyAt(s, i, from)
}

// run returns the end of the bytes from i on that is accepts.
func run(s string, i int, is func(byte) bool) int {
	for i < len(s) && is(s[i]) {
		i++
	}
	return i
}

func isBlank(c byte) bool     { return c == ' ' || c == '\t' }
func isBackslash(c byte) bool { return c == '\\' }

// endsWithFold reports whether s ends with suffix in any case.
func endsWithFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// pairAt finds the value of a sensitive name, as in password=x, "api_key": "x",
// Authorization:[Bearer x] and the DSN form password='x'. The = or : is at i.
func pairAt(s string, i, from int) (start, end int, found bool) {
	name := nameBefore(s, i, from)
	if name == "" || !Sensitive(name) || s[i] == ':' && strings.HasSuffix(name, ".go") { // token.go:12 is a line of code
		return 0, 0, false
	}
	start = run(s, i+1, func(c byte) bool { return c == '=' || c == '>' }) // := == =>
	value := run(s, start, isBlank)
	spaced := value > start
	start = value
	if start == len(s) || strings.HasPrefix(s[start:], Redacted) {
		return 0, 0, false
	}
	if open := run(s, start, isBackslash); open < len(s) && isQuote(s[open]) {
		start, end, found = quotedValue(s, start, open)
		return start, end, found && !harmless(name, s[start:end])
	}
	if strings.IndexByte("[{(", s[start]) >= 0 {
		return start, bracketEnd(s, start), true
	}
	if s[start] == '-' {
		dashes := run(s, start, func(c byte) bool { return c == '-' })
		if _, e, ok := privateKeyAt(s, dashes-1, start); ok { // it does not end at the blanks in it
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
	if harmless(name, first) || s[i] == ':' && (spaced && isSentence(s, name, start, end) || start == i+1 &&
		isPermission(s[:i], name, first)) {
		return 0, 0, false
	}
	return start, end, true
}

// isPermission reports whether name:action is a permission, as in api_keys:read: a plural right
// before the colon, and one of a few verbs after it.
func isPermission(before, name, action string) bool {
	plural := endsWithFold(name, "s") && !endsWithFold(name, "ss")
	return plural && permissionActions[action] && isNameByte(before[len(before)-1])
}

var permissionActions = wordSet("read write create update delete list issue revoke rotate *")

// nameBefore returns the name before the separator at i, without quotes; both words of "api key".
func nameBefore(s string, i, from int) string {
	end := i
	for end > from && strings.IndexByte("\"'`\\] \t", s[end-1]) >= 0 {
		end--
	}
	start := nameStart(s, end, from)
	name := s[start:end]
	secondWord := endsWithFold(name, "key") || endsWithFold(name, "keys") || endsWithFold(name, "string")
	if secondWord && start > from && s[start-1] == ' ' {
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

// quotedValue returns the place between the quote at open and its match. A quote of JSON inside
// JSON is escaped by the backslashes from start on, and ends at one with as many.
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

// bareEnd returns the end of a value without quotes: at a blank, or at a separator with another
// pair behind it, without the punctuation of the text around it.
func bareEnd(s string, start int) int {
	end := start
	for end < len(s) && s[end] > ' ' && (strings.IndexByte("&;,", s[end]) < 0 || !startsPair(s[end+1:])) {
		end++
	}
	return start + len(strings.TrimRight(s[start:end], closing))
}

// closing holds the punctuation that may follow a value.
const closing = ".,;:!?)]}>\"'`\\"

// startsPair reports whether s begins with a name and a separator.
func startsPair(s string) bool {
	i := run(s, 0, func(c byte) bool { return isBlank(c) || isQuote(c) || c == '\\' })
	end := run(s, i, isNameByte)
	after := run(s, end, func(c byte) bool { return isQuote(c) || c == '\\' })
	return end > i && after < len(s) && (s[after] == '=' || s[after] == ':')
}

// schemeEnd returns the end of an Authorization value with the scheme s[start:end], RFC 9110,
// section 11.4: of a single credential, or of the line if the scheme has parameters. For anything
// else it returns end.
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

// columnsAt finds the values in an error detail of PostgreSQL, "Key (id, reset_token)=(1, x)
// already exists.", if one of the columns is sensitive. The = is at i.
func columnsAt(s string, i, from int) (start, end int, found bool) {
	open := strings.LastIndex(s[from:i], "Key (")
	if open < 0 || i+1 == len(s) || s[i+1] != '(' || strings.HasPrefix(s[i+2:], Redacted) {
		return 0, 0, false
	}
	between := func(r rune) bool { return strings.ContainsRune("(), ", r) }
	for column := range strings.FieldsFuncSeq(s[from+open+len("Key ("):i], between) {
		found = found || Sensitive(column)
	}
	end = lineEnd(s, i)
	for _, after := range []string{") already exists", ") is not present", ") is still referenced", ") conflicts with"} {
		if n := strings.Index(s[i:end], after); n > 0 {
			end = i + n
		}
	}
	return i + 2, end, found && end > i+2
}

// secretFlags are the flags of some commands whose value is a password, without a name that says
// so.
var secretFlags = map[string]string{"-a": "redis-cli", "-p": "sshpass", "-w": "ldapsearch"}

// literalAt finds the quoted password of a statement in SQL (PASSWORD 'x', IDENTIFIED BY 'x'), and
// the values of a row in an error of PostgreSQL ("Failing row contains (1, x)"). The blank before
// it is at i.
func literalAt(s string, i, from int) (start, end int, found bool) {
	value := run(s, i, isBlank)
	if value == len(s) || s[value] != '(' && s[value] != '\\' && !isQuote(s[value]) ||
		strings.HasPrefix(s[value+1:], Redacted) {
		return 0, 0, false
	}
	word := s[nameStart(s, i, from):i]
	before := s[from : i-len(word)]
	if s[value] == '(' {
		end = bracketEnd(s, value)
		if s[end-1] == ')' {
			end--
		}
		return value + 1, end, word == "contains" && strings.HasSuffix(before, "row ") && value+1 < end
	}
	open := run(s, value, isBackslash)
	named := endsWithFold(word, "password") || endsWithFold(word, "passphrase") ||
		strings.EqualFold(word, "by") && strings.Contains(strings.ToLower(before[max(0, len(before)-64):]), "identified")
	if !named || open == len(s) || !isQuote(s[open]) {
		return 0, 0, false
	}
	start, end, found = quotedValue(s, value, open)
	return start, end, found && !harmless(word, s[start:end])
}

// flagAt finds the value of a flag, as in --password x and -u name:x. The dash at i begins the
// flag.
func flagAt(s string, i, from int) (start, end int, found bool) {
	if i > 0 && !isBlank(s[i-1]) {
		return 0, 0, false
	}
	flag := s[i:run(s, i, isNameByte)]
	if strings.HasPrefix(flag, "-p") && len(flag) > 2 && strings.Contains(s[from:i], "mysql") { // mysql -psecret
		start, end = i+2, bareEnd(s, i+2)
		return start, end, start < end && !strings.HasPrefix(s[start:], Redacted)
	}
	start = run(s, i+len(flag), isBlank)
	if start == i+len(flag) || start == len(s) || s[start] == '-' || strings.HasPrefix(s[start:], Redacted) {
		return 0, 0, false
	}
	if open := run(s, start, isBackslash); open < len(s) && isQuote(s[open]) {
		start, end, found = quotedValue(s, start, open)
		return start, end, found && Sensitive(flag) && !harmless(flag, s[start:end])
	}
	end = bareEnd(s, start)
	value := s[start:end]
	switch {
	case flag == "-u", flag == "--user", flag == "--proxy-user":
		name, password, _ := strings.Cut(value, ":")
		start += len(name) + 1
		return start, end, run(password, 0, isDigit) < len(password) && // 1000:1000 is a user and a group
			!strings.HasPrefix(s[start:], Redacted) && !strings.HasPrefix(password, "//")
	case secretFlags[flag] != "":
		return start, end, start < end && strings.Contains(s[from:i], secretFlags[flag])
	}
	return start, end, start < end && Sensitive(flag) && !harmless(flag, value) && !sentenceWords[strings.ToLower(value)]
}

// isSentence reports whether the text after "name: " is prose, as in error texts: "verify the
// token: not found". After a name of several words, as in a header or a variable, only words that
// begin sentences count; after a password, a single last word is taken for the password.
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

var sentenceWords = wordSet(`a an and are argument at before but by can cannot changed contains
	could denied did differs does empty error expected expired expires failed field flag for from given
	got has have holds in invalid is it longer loaded looks malformed may missing must needs no none not
	null of on only or parse refused rejected required requires set shorter should since status that the
	there this to too unexpected unknown unset use used uses value was were want weak will with without
	would wrong`)
